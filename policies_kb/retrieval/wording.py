"""The words of an answer or a refusal: clause texts as they stand, what ties them, and whom to ask else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from policies_kb.clauses import Clause
from policies_kb.retrieval.dates import chinese_date
from policies_kb.retrieval.figures import Figures
from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.index import Query
from policies_kb.retrieval.judge import Judgement
from policies_kb.retrieval.question import asks_a_figure
from policies_kb.retrieval.table import ClauseTable
from policies_kb.types import Citation

NO_CONTENT = "我没有看清您的问题。请用一句话说说您想问什么，比如“低保怎么申请”。"
NO_QUESTION = (
    "我只按手上的政策材料回答救助方面的问题，别的话不能照办。请用一句话说说您想问什么，比如“低保怎么申请”。"
)
TOO_LONG = "您发的内容太长了，我一次看不完。请挑最要紧的一句话问我。"
OF_A_CASE = "您自己的申请办到哪一步，要查办理记录。"
OF_A_NEED = "家里要是有难处，可以先做个自测，看看能申请哪些救助。"
OF_ONES_OWN = "能不能享受，要看全家的收入、财产等情况，由办事机关核实后决定。您可以先做个自测。"


class Wording:
    """Words for one pack. `table` has all of the pack's clauses; `texts` are its texts by dotted key."""

    def __init__(
        self, glossary: Glossary, table: ClauseTable, texts: Mapping[str, str], figures: Figures
    ) -> None:
        self._glossary = glossary
        self._texts = texts
        self._figures = figures
        self._amendments = {
            (reference.document, reference.clause): clause
            for clause in table.amending
            for reference in clause.amends
        }
        self._disagreeing: dict[tuple[str, int], list[Clause]] = {}
        for clause, other in table.disagreeing:
            self._disagreeing.setdefault((clause.document_id, clause.line), []).append(other)
            self._disagreeing.setdefault((other.document_id, other.line), []).append(clause)

    def told(self, clauses: Iterable[Clause], query: Query, today: date) -> tuple[list[str], list[Clause]]:
        """(lines of the answer, every clause they quote) for the clauses chosen, likeliest first.

        Besides each clause: the figures it names as they are today, where a figure is asked for; the clause of this
        pack that changes it; and the clauses of other documents that settle otherwise what the likeliest settles.
        """
        chosen = list(clauses)
        lines = []
        for clause in chosen:
            lines.append(clause.text)
            figure = self._figures.line(clause, query.text, today) if asks_a_figure(query) else ""
            if figure:
                lines.append(figure)
        quoted = list(chosen)
        for clause in chosen:
            amendment = self._amendments.get((clause.document_id, clause.number))
            if amendment is not None and amendment not in quoted and amendment.dated(today) == "in_force":
                lines.append(f"本地另有规定：{amendment.text}")
                quoted.append(amendment)
        best = chosen[0]
        others = [
            other
            for other in self._disagreeing.get((best.document_id, best.line), ())
            if other.dated(today) == "in_force"
        ]
        for other in others:
            if other not in quoted:
                lines.append(f"《{other.document_title}》{other.number}说的不一样：{other.text}")
                quoted.append(other)
        if others:
            both = "、".join(
                dict.fromkeys(f"《{one.document_title}》{one.number}" for one in (best, *others))
            )
            lines.append(f"{both}写得不一样，按哪一份办由办事机关决定。{self.person()}")
        return lines, quoted

    def about(self, clause: Clause) -> str:
        """Which schemes a clause is about, to be said before it where the conversation was about another."""
        names = (self._glossary.names[one] for one in clause.schemes if one in self._glossary.names)
        return f"下面是{'、'.join(names)}方面的规定："

    def refusal(self, judgement: Judgement, today: date) -> str:
        """Why the question is not answered, whom to ask, and what else may help who is in need."""
        return f"{self._refusal(judgement, today)}{OF_A_NEED if in_need(judgement) else ''}"

    def _refusal(self, judgement: Judgement, today: date) -> str:
        match judgement.outcome:
            case "other_place":
                home = self._glossary.home[0] if self._glossary.home else "本地"
                return (
                    f"您问的是{judgement.named}的规定。我手上只有{home}的材料，别处的不敢乱说。"
                    "请打当地的12345问一问。"
                )
            case "other_year":
                return (
                    f"您问的是{judgement.named}的数字。我手上只有现行的规定，别的年份没有依据，不敢乱说。"
                    f"{self.person()}"
                )
            case "outside":
                other = self._glossary.outside[judgement.named]
                where = f"请问{other.where}。" if other.where else ""
                return f"您问的是{other.topic}方面的事，不归社会救助管，我这里没有材料，不敢乱说。{where}"
            case "which_scheme":
                return "您问的是哪一种救助？比如低保、特困(五保)、临时救助。请带上名字再问一次，我好查准。"
            case "case_status":
                return f"{OF_A_CASE}我可以帮您查进度，也可以发“人工”找工作人员。"
            case "missing_scheme":
                return f"我手上的本地材料没有写{judgement.named}方面的规定，不敢乱说。{self._ask_at(judgement)}{self.person()}"
        if judgement.undated is not None:
            return self._not_in_force(judgement.undated, today)
        return f"这个问题，我手上的政策材料里没有找到依据，不敢乱说。{self._ask_at(judgement)}{self.person()}"

    def _ask_at(self, judgement: Judgement) -> str:
        """Whom to ask of the scheme besides, where the glossary knows."""
        known = self._glossary.ask_at
        places = [known[one] for one in sorted(judgement.schemes) if one in known]
        return f"这件事可以问{places[0]}。" if places else ""

    def part_unknown(self) -> str:
        """Said of the part of a message that has no answer."""
        return f"您问的另外一点，我手上的材料里没有找到依据，不敢乱说。{self.person()}"

    def person(self) -> str:
        """How to reach a person."""
        phone = self._texts.get("hotline", "")
        call = f"，或者打{phone}" if phone else "，或者打当地公布的社会救助热线"
        return f"您可以发“人工”找工作人员{call}。"

    def _not_in_force(self, clause: Clause, today: date) -> str:
        match clause.dated(today):
            case "expired" if clause.effective_to is not None:
                what = f"已在{chinese_date(clause.effective_to)}到期，现在不能再按它办"
            case "not_yet":
                what = f"要到{chinese_date(clause.effective_from)}才开始施行"
            case _:
                what = "里面的数字现在没有有效的公布值"
        return f"《{clause.document_title}》里有这方面的规定，但它{what}。{self.person()}"


def in_need(judgement: Judgement) -> bool:
    """Whether somebody who gets no answer told of a need, or asked what they may have: the self-assessment may help."""
    if judgement.outcome == "unknown":
        return judgement.hardship or judgement.personal
    return judgement.hardship and judgement.outcome in ("outside", "missing_scheme")


def cite(clause: Clause) -> Citation:
    """The citation of a clause: its own text, never another wording."""
    return Citation(
        document=clause.document_title, clause=clause.number, scheme=clause.schemes[0] if clause.schemes else None,
        quote=clause.text, pack=clause.pack,
    )  # fmt: skip


def sources(citations: Iterable[Citation]) -> str:
    """`依据：《…》三(二)4；《…》二`."""
    return "依据：" + "；".join(dict.fromkeys(f"《{one.document}》{one.clause}" for one in citations))
