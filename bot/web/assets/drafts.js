// Drafts of ingested documents: the original stands beside what it became; every doubt is settled by a person.

import { Component, html } from "./vendor/htm-preact.js";
import { Dialog } from "./dialog.js";
import { ASPECTS, day } from "./format.js";

const WHICH = { open: "待审", accepted: "已收", rejected: "没收", all: "全部" };
const FRONT = { title: "标题", issuer: "发文单位", number: "文号", issued: "成文日期", effective_from: "从哪天起", effective_to: "到哪天止", source: "来源" };
const DATES = new Set(["issued", "effective_from", "effective_to"]);
const KINDS = { changed: "改了", new: "新增", gone: "没有了", unchanged: "没变" };

// The head as it is shown: what the document will bear, and the date it was issued, which the draft alone keeps.
const head = (draft) => ({ ...draft.front, issued: draft.issued });

// What a scheme's id is called; one the glossary does not know stays as it is.
const called = (schemes, id) => schemes.find((one) => one.id === id)?.name || id;

export function DraftList({ drafts, which, pack, onWhich, onOpen }) {
  return html`<section aria-label="草稿">
    <div class="row tabs">${Object.entries(WHICH).map(([name, title]) => html`<button type="button" key=${name}
      aria-pressed=${which === name ? "true" : "false"} onClick=${() => onWhich(name)}>${title}</button>`)}</div>
    ${!drafts ? html`<p class="small">正在打开……</p>`
      : !drafts.length ? html`<p class="small">没有草稿。把文件录进来：<code>jzt kb ingest 文件 --pack ${pack}</code></p>`
      : html`<ul class="drafts">${drafts.map((draft) => html`<li key=${draft.id}><button type="button" class="entry" onClick=${() => onOpen(draft.id)}>
        <span class="line"><b>${draft.title}</b></span>
        <span class="line small">${draft.file}${draft.plans > 1 ? `，第 ${draft.plan} 个方案（共 ${draft.plans} 个）` : ""} · ${draft.clauses} 条${draft.left_out ? `，另有 ${draft.left_out} 条没收` : ""}</span>
        <span class="line small">${draft.open_marks ? html`<strong class="alarm">${draft.open_marks} 处要看</strong> ` : "没有疑点 "}${draft.residents ? "" : `和居民关系不大：${draft.residents_why}`}</span>
      </button></li>`)}</ul>`}
  </section>`;
}

// The doubtful words of an original or a result stand out.
function Marked({ text, marks }) {
  const words = marks.map((mark) => mark.text).filter(Boolean);
  if (!words.length) return html`<p class="text">${text}</p>`;
  const pieces = [];
  let rest = text;
  while (rest) {
    const found = words.map((word) => [rest.indexOf(word), word]).filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0] || b[1].length - a[1].length)[0];
    if (!found) break;
    pieces.push(rest.slice(0, found[0]), html`<mark>${found[1]}</mark>`);
    rest = rest.slice(found[0] + found[1].length);
  }
  return html`<p class="text">${[...pieces, rest]}</p>`;
}

class Mark extends Component {
  render({ mark, mayDecide, busy, onSettle }, { text }) {
    const value = text === undefined ? mark.text : text;
    const date = DATES.has(mark.field);
    if (mark.settled) {
      return html`<li class="settled small">✓ ${mark.why} ${mark.settled.how === "confirmed" ? "看过，没有错" : `改成“${mark.settled.text || ""}”`}（${mark.settled.by}）</li>`;
    }
    return html`<li class="doubt">
      <p><strong>${mark.why}</strong>${mark.line ? html` <span class="small">原文第 ${mark.line} 行</span>` : ""}</p>
      ${mayDecide && mark.field === "residents" && html`<button type="button" disabled=${busy} onClick=${() => onSettle({ text: null })}>要收</button>`}
      ${mayDecide && mark.field !== "residents" && html`<form onSubmit=${(event) => { event.preventDefault(); onSettle({ text: value }); }}>
        <label>应该是<input type=${date ? "date" : "text"} value=${value} onInput=${(event) => this.setState({ text: event.target.value })} /></label>
        <button type="submit" disabled=${busy || !value}>改成这样</button>
        ${mark.text && html`<button type="button" disabled=${busy} onClick=${() => onSettle({ text: null })}>原样没错</button>`}
      </form>`}</li>`;
  }
}

class Clause extends Component {
  async save(event) {
    event.preventDefault();
    const fields = event.currentTarget.elements;
    const done = await this.props.onChange(`/clauses/${this.props.clause.key}`, {
      number: fields.number.value.trim(), heading: fields.heading.value.trim(), aspect: fields.aspect.value,
      schemes: fields.schemes.value.split(/[\s,、，]+/).filter(Boolean), asks: fields.asks.value.split("\n").map((line) => line.trim()).filter(Boolean),
      text: fields.text.value,
    });
    if (done) this.setState({ editing: false });
  }

  form(now, busy, aspects) {
    return html`<form class="edit" onSubmit=${(event) => this.save(event)}>
      <div class="pair"><label>条款号<input name="number" value=${now.number} required /></label><label>标题<input name="heading" value=${now.heading} required /></label></div>
      <div class="pair"><label>哪一方面<select name="aspect" value=${now.aspect}>${aspects.map((one) => html`<option key=${one} value=${one} selected=${one === now.aspect}>${ASPECTS[one] || one}</option>`)}</select></label>
        <label>哪项救助（代号，空格隔开）<input name="schemes" value=${now.schemes.join(" ")} autocapitalize="none" /></label></div>
      <label>居民会怎么问（一行一句）<textarea name="asks" rows="3">${now.asks.join("\n")}</textarea></label>
      <label>条款<textarea name="text" rows="7">${now.text}</textarea></label>
      <div class="row"><button type="button" onClick=${() => this.setState({ editing: false })}>不改了</button><button type="submit" class="main" disabled=${busy}>保存</button></div></form>`;
  }

  render({ clause, mayDecide, busy, aspects, schemes, onChange }, { editing }) {
    const { now } = clause;
    const open = clause.marks.filter((mark) => !mark.settled);
    return html`<article class=${`pairing ${now ? "" : "left-out"}`} id=${`clause-${clause.key}`}>
      <div><h3>原文 <span class="small">第 ${clause.lines[0]}${clause.lines[1] > clause.lines[0] ? `–${clause.lines[1]}` : ""} 行${clause.pages.length ? `，第 ${clause.pages.join("、")} 页` : ""}</span></h3>
        <${Marked} text=${clause.original} marks=${open} />
        ${clause.repairs.length > 0 && html`<details><summary>修了 ${clause.repairs.length} 处</summary><ul class="small">
          ${clause.repairs.map((one, at) => html`<li key=${at}><del>${one.before || "（无）"}</del> → <ins>${one.after || "（去掉）"}</ins></li>`)}</ul></details>`}
      </div>
      <div>${editing && now ? this.form(now, busy, aspects) : html`
        <h3>${now ? html`${now.number} ${now.heading}` : html`没有收：${clause.left_out}`}</h3>
        ${now && html`<${Marked} text=${now.text} marks=${open} />
          <p class="small">${ASPECTS[now.aspect] || now.aspect}${now.schemes.length ? ` · ${now.schemes.map((one) => called(schemes, one)).join("、")}` : ""}</p>
          ${now.asks.length > 0 ? html`<p class="small">问法：${now.asks.join(" / ")}</p>` : html`<p>问法：<strong>还没有。收这一条，至少写一句居民会怎么问。</strong></p>`}`}
        ${mayDecide && html`<div class="row">
          ${now && html`<button type="button" onClick=${() => this.setState({ editing: true })}>改这一条</button>`}
          <button type="button" disabled=${busy} onClick=${() => onChange(`/clauses/${clause.key}`, { keep: !now })}>${now ? "不收这一条" : "收进来"}</button></div>`}`}
        ${clause.why.length > 0 && html`<details><summary>为什么这样归类</summary><ul class="small">${clause.why.map((why, at) => html`<li key=${at}>${why}</li>`)}</ul></details>`}
        ${clause.marks.length > 0 && html`<ul class="marks">${clause.marks.map((mark) => html`<${Mark} key=${mark.id} mark=${mark} mayDecide=${mayDecide && now} busy=${busy}
          onSettle=${(json) => onChange(`/marks/${encodeURIComponent(mark.id)}`, json)} />`)}</ul>`}
      </div></article>`;
  }
}

function Changes({ changes, replaces }) {
  if (!replaces) return null;
  const shown = changes.filter((change) => change.kind !== "unchanged");
  return html`<section class="changes"><h2>和现行的 ${replaces} 比：${shown.length ? `${shown.length} 条有变化` : "没有变化"}</h2>
    ${shown.map((change, at) => html`<details key=${at} open=${change.figures_gone.length + change.figures_new.length > 0}>
      <summary><b>${KINDS[change.kind]}</b> ${change.old_number && change.new_number && change.old_number !== change.new_number ? `${change.old_number} → ${change.new_number}` : change.new_number || change.old_number} ${change.heading}
        ${change.figures_gone.length + change.figures_new.length > 0 && html` <strong class="alarm">数字变了：${change.figures_gone.join("、") || "无"} → ${change.figures_new.join("、") || "无"}</strong>`}</summary>
      <p class="text">${change.words.map(([step, text]) => step === "equal" ? text : step === "insert" ? html`<ins>${text}</ins>` : html`<del>${text}</del>`)}</p></details>`)}
  </section>`;
}

export class Draft extends Component {
  renderAsk({ draft, busy, onChange, onAccept }, { ask, why, date }) {
    const close = () => this.setState({ ask: null });
    if (ask === "reject") {
      return html`<${Dialog} title="不收这份文件？" onClose=${close}>
        <form onSubmit=${async (event) => { event.preventDefault(); if (await onChange("/reject", { why })) close(); }}>
        <label>为什么<textarea rows="3" required value=${why || ""} onInput=${(event) => this.setState({ why: event.target.value })}></textarea></label>
        <div class="row"><button type="button" onClick=${close}>返回</button><button type="submit" class="main" disabled=${busy}>不收</button></div></form><//>`;
    }
    if (ask === "accept") {
      const known = draft.front.effective_from;
      return html`<${Dialog} title="收进政策包？" onClose=${close}>
        <p>收进来以后，居民问起来就会按它回答。${draft.replaces ? `现行的 ${draft.replaces} 到新文件生效的前一天为止。` : ""}</p>
        <form onSubmit=${async (event) => { event.preventDefault(); await onAccept(known ? null : date); close(); }}>
        ${known ? html`<p>${day(known)}起生效。</p>` : html`<label>从哪天起生效<input type="date" required value=${date || ""} onInput=${(event) => this.setState({ date: event.target.value })} /></label>`}
        <div class="row"><button type="button" onClick=${close}>返回</button><button type="submit" class="main" disabled=${busy}>${busy ? "正在收进政策包……" : "收进政策包"}</button></div></form><//>`;
    }
    return null;
  }

  async saveFront(event) {
    event.preventDefault();
    const json = {}, now = head(this.props.draft);
    for (const name of Object.keys(FRONT)) {
      const value = event.currentTarget.elements[name].value.trim();
      if (value !== (now[name] || "")) json[name] = value || null;
    }
    if (await this.props.onChange("/front", json)) this.setState({ editing: false });
  }

  render({ draft, mayDecide, busy, aspects, schemes, onBack, onChange }, state) {
    const decides = mayDecide && draft.state === "open";
    const front = head(draft);
    const doubtful = draft.clauses.filter((clause) => clause.now && clause.marks.some((mark) => !mark.settled));
    return html`<section class="draft" aria-label="草稿">
      <div class="bar"><button type="button" onClick=${onBack}>‹ 返回列表</button>
        <p class="status">${draft.state === "open" ? (draft.open_marks ? html`<strong class="alarm">还有 ${draft.open_marks} 处要看</strong>` : "疑点都处理了") : WHICH[draft.state]}</p>
        ${decides && html`<div class="actions"><button type="button" onClick=${() => this.setState({ ask: "reject" })}>不收</button>
          <button type="button" class="main" disabled=${busy || draft.open_marks > 0 && !(draft.front.effective_from === null && draft.marks.filter((mark) => !mark.settled).every((mark) => mark.field === "effective_from") && !doubtful.length)} onClick=${() => this.setState({ ask: "accept" })}>收进政策包</button></div>`}
        ${mayDecide && draft.state === "rejected" && html`<button type="button" disabled=${busy} onClick=${() => onChange("/reopen")}>再拿出来看</button>`}</div>
      ${!mayDecide && html`<p class="notice">草稿由管理员审定。您可以看。</p>`}
      <h2>${front.title}</h2>
      <p class="small">${draft.file}，第 ${draft.lines[0]}–${draft.lines[1]} 行${draft.residents ? "" : `。和居民关系不大：${draft.residents_why}`}</p>
      ${state.editing ? html`<form class="edit" onSubmit=${(event) => this.saveFront(event)}>${Object.entries(FRONT).map(([name, title]) => html`<label key=${name}>${title}<input name=${name}
          type=${DATES.has(name) ? "date" : "text"} value=${front[name] || ""} required=${name === "title" || name === "source"} /></label>`)}
          <div class="row"><button type="button" onClick=${() => this.setState({ editing: false })}>不改了</button><button type="submit" class="main" disabled=${busy}>保存</button></div></form>`
        : html`<dl class="front">${Object.entries(FRONT).map(([name, title]) => html`<div key=${name}><dt>${title}</dt><dd>${!front[name] ? "还没有" : DATES.has(name) ? day(front[name]) : front[name]}</dd></div>`)}</dl>
          ${decides && html`<button type="button" onClick=${() => this.setState({ editing: true })}>改这些</button>`}`}
      ${draft.notes.length > 0 && html`<ul class="small">${draft.notes.map((note, at) => html`<li key=${at}>${note}</li>`)}</ul>`}
      ${draft.marks.length > 0 && html`<ul class="marks">${draft.marks.map((mark) => html`<${Mark} key=${mark.id} mark=${mark} mayDecide=${decides} busy=${busy}
        onSettle=${(json) => onChange(`/marks/${encodeURIComponent(mark.id)}`, json)} />`)}</ul>`}
      <${Changes} changes=${draft.changes} replaces=${draft.replaces} />
      ${doubtful.length > 0 && html`<nav class="jump" aria-label="要看的条款">要看的：${doubtful.map((clause) => html`<a key=${clause.key} href=${`#clause-${clause.key}`}
        onClick=${(event) => { event.preventDefault(); document.getElementById(`clause-${clause.key}`).scrollIntoView(); }}>${clause.now.number}</a> `)}</nav>`}
      ${draft.clauses.map((clause) => html`<${Clause} key=${clause.key} clause=${clause} mayDecide=${decides} busy=${busy} aspects=${aspects} schemes=${schemes} onChange=${onChange} />`)}
      ${draft.dropped.length > 0 && html`<details><summary>去掉的 ${draft.dropped.length} 行（广告、页码、导航）</summary><ul class="small">${draft.dropped.map((line) => html`<li key=${line.line}>第 ${line.line} 行（${line.why}）：${line.text}</li>`)}</ul></details>`}
      ${draft.log.length > 0 && html`<details><summary>谁做过什么</summary><ul class="small">${draft.log.map((entry, at) => html`<li key=${at}>${day(entry.at)} ${entry.by}：${entry.what}</li>`)}</ul></details>`}
      ${this.renderAsk({ draft, busy, onChange, onAccept: this.props.onAccept }, state)}
    </section>`;
  }
}
