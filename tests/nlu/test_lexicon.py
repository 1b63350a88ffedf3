"""The word lists: every id and value is one the rest of the product knows; errors name file and line."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from dialogues.commands import UrgentDanger
from nlu import lexicon
from policies_kb.errors import DataFileError

RELATIONS = {"self", "spouse", "child", "parent", "grandparent", "grandchild", "sibling", "other"}
SCHEMES = {
    "dibao",
    "dan_ren_bao",
    "tekun",
    "di_shouru",
    "zhichuxing",
    "linshi_jinan",
    "linshi_zhichu",
    "yiliao",
    "jiaoyu",
    "zhufang",
    "jiuye",
    "shouzai",
    "liulang",
    "canji_shenghuo",
    "canji_huli",
    "guer",
    "kunjing_ertong",
    "xinnongbao",
    "gaoling",
    "changshou",
    "yiyang_jiehe",
    "kunnan_jiaoshi",
    "minban_daike",
    "jieri_bangfu",
    "sangao",
    "falv_yuanzhu",
    "liangai",
    "huimin_binzang",
    "jinlin",
    "yezhu_buchang",
    "jiaozheng_bangfu",
    "song_wennuan",
    "xuetuzhi",
    "chuangye_jidi",
    "huiqi",
}


def test_values_are_the_contracts() -> None:
    assert lexicon.relations().values == RELATIONS
    assert lexicon.schemes().values <= SCHEMES


def test_dangers_are_those_a_command_can_carry() -> None:
    assert set(lexicon.dangers()) <= set(get_args(UrgentDanger.model_fields["danger"].annotation))


def test_everything_loads() -> None:
    assert lexicon.intents()
    assert lexicon.question().within
    assert lexicon.topics()
    assert lexicon.value_words()


def test_one_word_for_two_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.yml"
    path.write_text("child: [娃]\ngrandchild: [孙娃, 娃]\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"words\.yml:2"):
        lexicon.load_words(path)


def test_longest_word_wins() -> None:
    assert lexicon.relations().first("外孙女") == "grandchild"
    assert lexicon.relations().first("儿媳妇") == "other"
    assert lexicon.schemes().first("支出型临时救助") == "linshi_zhichu"
