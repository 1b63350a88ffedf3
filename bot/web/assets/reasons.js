// Why an answer is what it is, in words a pack's author can act on.

import { html } from "./vendor/htm-preact.js";
import { ASPECTS } from "./format.js";
import { Citations, Text } from "./parts.js";

const PARTS = {
  ask: "像列出的问法", second: "也像另一句列出的问法", listed: "列出的问法多，本来就容易像", bm25: "用词相同", pairs: "两个字两个字地比", pair_bm25: "少见的两个字相同", sound_bm25: "读音相同",
  heading: "像标题", scheme: "说的是同一项救助", clash: "说的是别的救助", aspect: "问的是同一方面", own: "本地的条款", unspoken: "没说到这份文件讲的人和事",
  sense_ask: "意思像列出的一句问法", sense_asks: "意思像列出的各句问法", sense_text: "意思像条款正文",
};
const EVIDENCE = {
  ask: "和列出的问法有多像", ask_near: "前几名里最像列出的问法", second: "和另一句列出的问法有多像", listed: "列出的问法有多少", bm25: "用词有多相同", pair_bm25: "少见的两个字有多相同",
  sound_bm25: "读音有多相同", heading: "和标题有多像", unspoken: "没说到这份文件讲的人和事", covered: "问题里的意思，条款说到多少", covered_near: "前几名里说到最多的", wording: "字面有多像",
  wording_near: "前几名里字面最像的", strange: "有条款没说过的词", strange_near: "前几名都没说过的词", share: "占前几名的多少", margin: "比第二名高出多少",
  aspect: "问的方面对上了", named: "说的救助对上了", clash: "说的是别的救助", figureless: "问的是数，条款里没有数", sumless: "问的是钱或天数，条款里没有", detailless: "问的岁数、次数、钟点等，条款里没有", untold: "问的细处(几号、几份、邮寄、收费等)，条款里没有",
  outside: "有别的部门的事", outside_met: "有别的部门的事，条款也说到", outside_named: "有别的部门的事，也说了救助", missing_scheme: "本地没有这项救助的材料",
  short: "问得很短", settled_wording: "像材料答得了的问法", settled: "意思像材料答得了的问题", unsettled: "意思像材料答不了的一个问题",
  unsettled_few: "意思像材料答不了的几个问题", sense_ask: "意思和列出的一句问法有多像", sense_ask_most: "前几名里意思最像一句问法的",
  sense_ask_short: "意思离最像的问法差多少", sense_asks: "意思和各句问法有多像", sense_asks_most: "前几名里意思最像各句问法的",
  sense_asks_lead: "意思比第二名像多少", sense_asks_short: "意思离最像的一条差多少", sense_text: "意思和条款正文有多像",
  sense_text_most: "前几名里意思最像正文的", sense_text_short: "意思离最像的正文差多少",
};
const CONCEPTS = { scheme: "救助", aspect: "方面", same: "同", outside: "别处的事" };
const scheme = (desk, id) => desk.schemes.find((one) => one.id === id)?.name || id;

// `scheme:dibao` as 救助：低保.
function concept(desk, token) {
  const at = token.indexOf(":");
  const [kind, id] = [token.slice(0, at), token.slice(at + 1)];
  const name = kind === "scheme" ? scheme(desk, id) : kind === "aspect" ? ASPECTS[id] || id : id;
  return `${CONCEPTS[kind] || kind}：${name}`;
}

const number = (value) => (Math.round(value * 100) / 100).toFixed(2);

function Weighed({ clauses, desk }) {
  if (!clauses.length) return html`<p class="small">没有一条沾边的。</p>`;
  const top = Math.max(...clauses.map((clause) => clause.score), 0.01);
  return html`<ol class="weighed">${clauses.map((clause, at) => html`<li key=${`${clause.document_id} ${clause.clause} ${at}`}>
    <p><b>《${clause.document}》${clause.clause}</b> ${clause.heading} <span class="small">${desk.packs.find((one) => one.name === clause.pack)?.title || "上级规定"}</span></p>
    <p class="bar-line"><meter min="0" max=${top} value=${Math.max(clause.score, 0)} aria-label="得分"></meter> <b>${number(clause.score)}</b></p>
    <p class="small">最像的问法：${clause.asked}（像 ${number(clause.likeness)}）。问题里的意思它说到 ${Math.round(clause.covered * 100)}%。</p>
    <details class="small"><summary>分数怎么来的</summary><p>${clause.parts.filter((part) => part.value).map((part) => `${PARTS[part.name] || part.name} ${part.value > 0 ? "+" : ""}${number(part.value)}`).join("，")}</p></details>
  </li>`)}</ol>`;
}

function Sure({ part }) {
  const rows = part.evidence.filter((one) => one.contribution);
  return html`<details><summary>把握 ${Math.round(part.confidence * 100)}%，够 ${Math.round(part.threshold * 100)}% 才回答</summary>
    <table><thead><tr><th scope="col">看什么</th><th scope="col">是多少</th><th scope="col">加减</th></tr></thead>
    <tbody><tr><td>起点</td><td></td><td>${number(part.bias)}</td></tr>
    ${rows.map((one) => html`<tr key=${one.name}><td>${EVIDENCE[one.name] || one.name}</td><td>${number(one.value)}</td><td>${number(one.contribution)}</td></tr>`)}</tbody></table>
    <p class="small">加起来大于 0，把握就过一半。</p></details>`;
}

function Part({ part, desk, many }) {
  return html`<section class="part">
    ${many && html`<h3>这一句：${part.text}</h3>`}
    <p><b>${part.why}</b>${part.named && ` （${part.named}）`}</p>
    ${part.cure && html`<p class="small">不该这样？${part.cure}</p>`}
    ${part.repaired !== part.text && html`<p class="small">当作：${part.repaired}</p>`}
    <p class="units">${part.units.map((unit) => html`<span class="unit"><b>${unit.word}</b>${unit.concepts.length > 0 && html`<span class="small"> ${unit.concepts.map((token) => concept(desk, token)).join("，")}</span>`}</span>`)}</p>
    <p class="small">${part.schemes.length ? `救助：${part.schemes.map((id) => scheme(desk, id)).join("、")}${part.from_conversation ? "（从前面的话知道）" : ""}。` : "没有说是哪一项救助。"}${part.aspects.length ? `问的方面：${part.aspects.map((one) => ASPECTS[one] || one).join("、")}。` : ""}</p>
    <${Sure} part=${part} />
    <h3>哪几条最像</h3>
    <${Weighed} clauses=${part.clauses} desk=${desk} />
  </section>`;
}

export function Reasons({ found, desk, onAsk }) {
  const { answer } = found;
  return html`<div class="reasons">
    <section class="bubble-box" aria-label="回答"><h2>${answer.answered ? "会这样答" : "会这样说"}</h2>
      <div class="bubble"><${Text} text=${answer.answer} urgent=${false} />
      ${answer.citations.length > 0 && html`<${Citations} citations=${answer.citations} />`}</div>
      ${answer.suggestions.length > 0 && html`<div class="row">${answer.suggestions.map((next) => html`<button type="button" key=${next} onClick=${() => onAsk(next)}>${next}</button>`)}</div>`}
    </section>
    <section aria-label="为什么"><h2>为什么</h2>
      ${found.urgent.length > 0 && html`<p><b>说到了等不得的事（${found.urgent.join("、")}），先说打哪个电话。</b></p>`}
      ${found.parts.map((part, at) => html`<${Part} key=${at} part=${part} desk=${desk} many=${found.parts.length > 1} />`)}
      ${found.parts.length === 0 && !found.urgent.length && html`<p class="small">没有读出问题。</p>`}
    </section></div>`;
}
