"""The case: what an application looks like when it leaves for the back office.

The models below are the one definition of the format. `case.schema.json` is written from them
(`python -m integrations.backoffice.case`) and is what other systems read; a test holds the two equal.

Evolution: `schema_version` is MAJOR.MINOR. A new optional field raises MINOR and keeps old receivers working only
if they were told (the format is strict), so a receiver announces the versions it takes and the sender is upgraded
last. A renamed or removed field, or a narrower value, raises MAJOR and gets a new `$id`; the old file stays.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from integrations.backoffice import schemas

SCHEMA_ID = "urn:jiuzhutong:case:1"
SCHEMA_PATH = Path(__file__).with_name("case.schema.json")
TOPIC = "case.submitted"
# Fields that came with version 1.1.
SINCE_1_1 = frozenset({"representative"})

Text = Annotated[str, Field(min_length=1, max_length=200)]
LongText = Annotated[str, Field(max_length=2000)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
IdNumber = Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]
Sex = Literal["male", "female"]
Relation = Literal["self", "spouse", "child", "parent", "grandparent", "grandchild", "sibling", "other"]
DisabilityKind = Literal["visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple"]
Yuan = Annotated[float, Field(ge=0, lt=1e12)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


class Applicant(_Part):
    """申请人。The person who applies and is answered."""

    name: Text = Field(description="姓名 / full name as on the identity card")
    id_number: IdNumber = Field(description="公民身份号码 / 18-character identity number, X in upper case")
    sex: Sex | None = Field(default=None, description="性别 / sex, as the identity number says")
    birth_date: date | None = Field(default=None, description="出生日期 / date of birth, ISO 8601")
    hukou_address: Text | None = Field(default=None, description="户籍地址 / registered address")
    local_hukou: bool | None = Field(
        default=None, description="是否本地户籍 / registered within this office's area"
    )


class Member(_Part):
    """共同生活的家庭成员(不含申请人)。A member of the household other than the applicant."""

    name: Text = Field(description="姓名 / full name")
    relation: Relation = Field(description="与申请人的关系 / what this person is to the applicant")
    id_number: IdNumber | None = Field(
        default=None, description="公民身份号码 / identity number, null when not given"
    )
    sex: Sex | None = Field(default=None, description="性别 / sex")
    birth_date: date | None = Field(default=None, description="出生日期 / date of birth")
    age: int | None = Field(default=None, ge=0, le=130, description="年龄(周岁) / age in full years")
    disability_kind: DisabilityKind | None = Field(default=None, description="残疾类别 / kind of disability")
    disability_level: int | None = Field(
        default=None, ge=1, le=4, description="残疾等级，1 级最重 / disability level, 1 is the heaviest"
    )
    serious_illness: bool | None = Field(default=None, description="是否患重病 / serious illness")
    student: bool | None = Field(default=None, description="是否在读 / at school or college")
    can_work: bool | None = Field(default=None, description="有无劳动能力 / able to work")
    income_month: Yuan | None = Field(default=None, description="月收入，元 / monthly income in yuan")


class Contact(_Part):
    """联系方式。How the applicant is reached."""

    phone: str | None = Field(
        default=None, pattern=r"^[0-9+][0-9 -]{4,23}$", description="联系电话 / telephone number"
    )
    address: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="现住址 / where the applicant lives now"
    )
    other_name: Text | None = Field(default=None, description="其他联系人 / somebody else who can be called")
    other_phone: str | None = Field(
        default=None, pattern=r"^[0-9+][0-9 -]{4,23}$", description="其他联系人电话 / that person's number"
    )


class BankAccount(_Part):
    """发放账户(选填)。Account a payment would go to."""

    holder: Text = Field(description="户名 / account holder")
    bank: Text | None = Field(default=None, description="开户银行 / bank")
    number: str = Field(pattern=r"^[0-9]{8,30}$", description="账号 / account number, digits only")


class Consent(_Part):
    """同意记录。Consent to the handling of personal data, given before the first personal field."""

    purpose: Text = Field(description="用途 / purpose consented to")
    text_version: Text = Field(description="所示文本的版本 / version of the text shown")
    text_sha256: Sha256 = Field(description="所示文本的 SHA-256 / hash of the text shown")
    given_at: AwareDatetime = Field(description="同意时间 / when it was given, RFC 3339")


class Authorisation(_Part):
    """授权书。The letter of authorisation the applicant confirmed (家庭经济状况核对授权)."""

    title: Text | None = Field(default=None, description="标题 / title of the letter")
    text_version: Text = Field(description="所示文本的版本 / version of the text shown")
    text_sha256: Sha256 = Field(description="所示文本的 SHA-256 / hash of the text shown")
    confirmed_by: Literal["button", "words", "signature", "window"] = Field(
        description="确认方式：按钮、文字、签名、窗口 / how it was confirmed"
    )
    confirmed_at: AwareDatetime = Field(description="确认时间 / when it was confirmed, RFC 3339")
    signer: Text = Field(description="确认人 / name of the person who confirmed")
    signature_document: Text | None = Field(
        default=None,
        description="签名图片的材料编号 / id of the signature image among the documents, if there is one",
    )


class Representative(_Part):
    """代办人。Who applied on the applicant's behalf, and how the applicant's consent was given (since 1.1)."""

    name: Text = Field(description="代办人姓名 / the representative's name")
    role: Literal["family", "neighbour", "cadre", "volunteer", "guardian"] = Field(
        description="与申请人的关系：家里人、邻居、村(社区)干部、志愿者、监护人 / what they are to the applicant"
    )
    consent_how: Literal["present", "phone", "guardian"] = Field(
        description="本人怎么同意的：当面、电话、由监护人决定 / how the applicant's consent was given, as stated"
    )
    guardian_kind: Literal["relative", "agreed", "committee"] | None = Field(
        default=None,
        description="哪一种监护人：近亲属、经同意的个人或组织、村(居)委会或民政部门 / kind of guardian",
    )
    text_version: Text = Field(
        description="说给本人听的文本的版本 / version of the text told to the applicant"
    )
    text_sha256: Sha256 = Field(description="该文本的 SHA-256 / hash of that text")
    stated_at: AwareDatetime = Field(
        description="代办人说明的时间 / when the representative stated it, RFC 3339"
    )


class SchemeRequest(_Part):
    """申请的救助项目。A scheme asked for."""

    id: Slug = Field(description="项目代码 / scheme id in pinyin, for example dibao")
    name: Text = Field(description="项目名称 / its name in Chinese")


class Reason(_Part):
    """自测依据。One line of the self-assessment and the clause it rests on."""

    text: LongText = Field(description="说明 / what was compared with what")
    clause: Annotated[str, Field(max_length=200)] = Field(description="条款号 / clause number as printed")
    document: Annotated[str, Field(max_length=200)] = Field(description="文件名称 / title of the document")


class AssessmentResult(_Part):
    """一个项目的自测结果。What the rules said of one scheme; the office decides."""

    scheme: Slug = Field(description="项目代码 / scheme id")
    outcome: Literal["likely", "unlikely", "unknown"] = Field(
        description="可能符合、可能不符合、还不清楚 / what the rules found"
    )
    amount_month: Yuan | None = Field(default=None, description="每月金额，元 / yuan a month")
    amount_once: Yuan | None = Field(default=None, description="一次性金额，元 / yuan once")
    reasons: tuple[Reason, ...] = Field(default=(), description="依据 / reasons")
    missing: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        default=(), description="还不知道的情况 / facts not known"
    )
    next: LongText = Field(default="", description="下一步 / what was advised")
    borderline: bool = Field(default=False, description="接近标准线 / close to the line")


class Assessment(_Part):
    """自测快照。The self-assessment as the resident saw it, with the version of the policy pack."""

    pack: Text = Field(description="政策包 / policy pack")
    pack_version: Text = Field(description="政策包版本 / its version (hash of its content)")
    assessed_on: date = Field(description="自测日期 / day of the self-assessment")
    facts: dict[str, JsonValue] = Field(description="居民填报的情况 / the facts the resident gave")
    results: tuple[AssessmentResult, ...] = Field(description="各项目结果 / results by scheme")


class Document(_Part):
    """材料。A file of the application; the bytes are fetched apart and must match the hash."""

    id: Text = Field(description="材料编号 / document id")
    kind: Slug = Field(description="种类，如 id_card_front / kind of document")
    sha256: Sha256 = Field(description="文件的 SHA-256 / hash of the stored bytes")
    mime: str = Field(
        pattern=r"^[a-z]+/[a-z0-9.+-]+$", description="文件类型 / media type found in the bytes"
    )
    size: int = Field(ge=1, description="大小，字节 / size in bytes")
    filename: Annotated[str, Field(max_length=255)] | None = Field(
        default=None, description="文件名 / file name"
    )
    how_verified: Literal["not_verified", "file_check", "resident", "staff"] = Field(
        description="核验方式：未核验、机器检查过类型和可读、居民确认、工作人员核验 / how far it was verified"
    )
    received_at: AwareDatetime | None = Field(default=None, description="收到时间 / when it was received")


class Deadline(_Part):
    """办理时限。One step of the procedure and when it is due."""

    step: Slug = Field(description="步骤代码 / step id")
    title: Text = Field(description="步骤 / the step in Chinese")
    owner: Annotated[str, Field(max_length=200)] = Field(default="", description="经办单位 / who does it")
    workdays: int | None = Field(default=None, ge=0, description="时限，工作日 / limit in workdays")
    calendar_days: int | None = Field(default=None, ge=0, description="时限，自然日 / limit in calendar days")
    due_on: date | None = Field(default=None, description="到期日 / due date, null when there is no limit")
    provisional: bool = Field(
        default=False,
        description="暂定：官方放假安排还没有公布到这一天 / the official calendar does not reach this date yet",
    )
    notice: LongText = Field(default="", description="告知事项 / notice to be given")
    document: Annotated[str, Field(max_length=200)] = Field(
        default="", description="依据文件 / source document"
    )
    clause: Annotated[str, Field(max_length=200)] = Field(default="", description="依据条款 / clause")


class Conversation(_Part):
    """会话。The conversation the application came from."""

    id: Text = Field(description="会话编号 / conversation id")
    channel: Slug = Field(description="渠道 / channel, for example web")


class CaseInput(_Part):
    """Everything `build_case` needs. Field names are those of the dialogue's case draft."""

    receipt: str = Field(
        pattern=r"^[A-Za-z0-9-]{4,64}$",
        description="受理凭证号，也是案件编号 / receipt number, also the case id",
    )
    idempotency_key: str = Field(
        min_length=8,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="幂等键：同一申请重复送达时相同 / the same for every delivery of the same application",
    )
    pack: Text = Field(description="政策包 / policy pack the application was made under")
    pack_version: Text = Field(description="政策包版本 / its version")
    submitted_on: date = Field(description="提交日期(Asia/Shanghai) / day of submission")
    submitted_at: AwareDatetime = Field(description="提交时间 / time of submission, RFC 3339")
    conversation: Conversation = Field(description="来源会话 / conversation reference")
    applicant: Applicant = Field(description="申请人 / applicant")
    household: tuple[Member, ...] = Field(
        default=(), description="其他家庭成员 / the other members of the household"
    )
    contact: Contact = Field(description="联系方式 / contact")
    bank_account: BankAccount | None = Field(
        default=None, description="发放账户 / bank account, null when not given"
    )
    schemes: tuple[SchemeRequest, ...] = Field(min_length=1, description="申请的项目 / schemes requested")
    consents: tuple[Consent, ...] = Field(min_length=1, description="个人信息同意记录 / consents")
    authorisation: Authorisation = Field(
        description="核对授权 / authorisation to check the household's means"
    )
    assessment: Assessment | None = Field(
        default=None, description="自测快照 / self-assessment, null when none was made"
    )
    documents: tuple[Document, ...] = Field(default=(), description="材料 / documents")
    deadlines: tuple[Deadline, ...] = Field(default=(), description="办理时限 / workflow deadlines")
    representative: Representative | None = Field(
        default=None,
        description="代办人，本人申请的为空 / who applied for the applicant, null in person (since 1.1)",
    )


class _Case(CaseInput):
    """社会救助申请 / An application for social assistance, as Jiuzhutong hands it to the back office."""

    schema_version: Literal["1.0", "1.1"] = Field(
        default="1.1", description="格式版本 / version of this format"
    )


def build_case(case: CaseInput) -> dict[str, Any]:
    """The case as JSON-ready data that validates against `case.schema.json`.

    Every field is present; what is not known is null, never left out.

    Raises:
        SchemaViolation: the result does not fit the schema (a programming error: `CaseInput` is as strict).
    """
    built: dict[str, Any] = _Case.model_validate(case.model_dump()).model_dump(mode="json")
    check_case(built)
    return built


def check_case(data: object) -> None:
    """Validate a received or built case against the published schema.

    Raises:
        SchemaViolation: with every field that does not fit.
    """
    schemas.check(SCHEMA_PATH, data)


def schema() -> dict[str, Any]:
    """The JSON Schema as the models define it."""
    written = schemas.of_model(
        _Case,
        schema_id=SCHEMA_ID,
        title="社会救助申请 / Social assistance case",
        comment="Written by integrations/backoffice/case.py. MINOR of schema_version rises with a new optional "
        "field; a renamed, removed or narrowed field raises MAJOR and gets a new $id.",
    )
    # A case of 1.0 that waited in the outbox through an upgrade is still a case.
    written["required"] = [name for name in written["required"] if name not in SINCE_1_1]
    return written


if __name__ == "__main__":
    schemas.write(SCHEMA_PATH, schema())
