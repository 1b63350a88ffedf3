// The policy page: a question with the reasons of its answer, and drafts of ingested documents beside the original.

import { Component, html, render } from "./vendor/htm-preact.js";
import { Refused, call } from "./api.js";
import { day } from "./format.js";
import { Draft, DraftList } from "./drafts.js";
import { Reasons } from "./reasons.js";

const API = "/api/v1/staff";
const UNREACHABLE = "连不上服务器，这一步没有办成。写的内容还在，请过一会儿再试。";
const ACCEPTING = "正在收进政策包，要核对整个政策包，请稍等……";
const NO_WORD = "没有等到回音，文件可能已经收进去了。请先看看“已收”里有没有它，再决定要不要重来。";
const ACCEPT_MS = 180000; // a slow machine reads the whole pack anew
const VIEWS = { try: "试问", drafts: "审阅草稿" };

class Policy extends Component {
  constructor() {
    super();
    const view = location.hash.slice(1);
    this.state = { me: null, ready: false, desk: null, pack: "", view: VIEWS[view] ? view : "try", question: "", scheme: "", explained: null, busy: false, notice: "", working: "", drafts: null, which: "open", draft: null };
    this.pending = 0;
    this.place = 0; // where the clerk is; an answer asked for at an earlier place is not shown
  }

  componentDidMount() {
    this.begin();
  }

  async begin() {
    try {
      const me = await call("GET", `${API}/me`);
      const desk = await call("GET", `${API}/policy`);
      this.setState({ me, desk, pack: desk.pack, ready: true });
      if (this.state.view === "drafts") this.list();
    } catch (error) {
      if (error instanceof Refused) this.setState({ ready: true });
      else setTimeout(() => this.begin(), 3000);
    }
  }

  // Every request: says kindly what went wrong; undefined when it did.
  async ask(method, path, json, { timeout, unreachable = UNREACHABLE } = {}) {
    const headers = method === "GET" ? {} : { "X-CSRF-Token": this.state.me.csrf };
    this.pending += 1;
    this.setState({ busy: true, notice: "" });
    try {
      return await call(method, `${API}/policy${path}`, { json: method === "GET" ? undefined : json || {}, headers, timeout });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.setState({ me: null });
      this.setState({ notice: error instanceof Refused ? error.message : unreachable });
      return undefined;
    } finally {
      this.pending -= 1;
      this.setState({ busy: this.pending > 0 });
    }
  }

  show(view) {
    this.place += 1;
    history.replaceState(null, "", `#${view}`);
    this.setState({ view, notice: "" });
    if (view === "drafts") this.list();
  }

  async tryIt(event) {
    if (event) event.preventDefault();
    const { pack, question, scheme, busy } = this.state;
    if (!question.trim() || busy) return;
    const explained = await this.ask("POST", "/explain", { pack, question, scheme: scheme || null });
    if (explained && this.state.pack === pack) this.setState({ explained });
  }

  choose(pack) {
    this.place += 1;
    this.setState({ pack, explained: null, draft: null, drafts: null }, () => this.state.view === "drafts" && this.list());
  }

  at(rest = "") {
    return `/packs/${encodeURIComponent(this.state.pack)}/drafts${rest}`;
  }

  async list(which = this.state.which) {
    this.place += 1;
    const { place } = this;
    this.setState({ which });
    const found = await this.ask("GET", this.at(`?state=${which}`));
    if (found && place === this.place) this.setState({ drafts: found.drafts });
  }

  async open(id) {
    this.place += 1;
    const { place } = this;
    const draft = await this.ask("GET", this.at(`/${encodeURIComponent(id)}`));
    if (draft && place === this.place) this.setState({ draft }, () => scrollTo(0, 0));
  }

  // A change of the open draft; the answer is the draft as it is now.
  async change(what, json) {
    const { id } = this.state.draft;
    const draft = await this.ask("POST", this.at(`/${encodeURIComponent(id)}${what}`), json);
    if (draft && this.state.draft && this.state.draft.id === id) this.setState({ draft });
    return Boolean(draft);
  }

  async accept(effectiveFrom) {
    const { draft } = this.state;
    this.setState({ working: ACCEPTING });
    const done = await this.ask("POST", this.at(`/${encodeURIComponent(draft.id)}/accept`), { effective_from: effectiveFrom || null }, { timeout: ACCEPT_MS, unreachable: NO_WORD });
    this.setState({ working: "" });
    if (!done) return;
    const old = done.retired ? `原来的 ${done.retired} 到${day(done.retired_to)}为止。` : "";
    const used = done.referring.length ? `还有这些地方写着旧文件，请改：${done.referring.join("、")}。` : "";
    const here = this.state.draft;
    if (here && here.id === draft.id) this.setState({ draft: null });
    if (this.state.view === "drafts" && (!here || here.id === draft.id)) await this.list();
    this.setState({ notice: `《${draft.front.title}》已收进政策包，${day(done.effective_from)}起生效。${old}${used}` });
  }

  renderTry({ question, scheme, explained, desk, busy }) {
    return html`<section aria-label="试问">
      <form class="try" onSubmit=${(event) => this.tryIt(event)}>
        <label class="wide">居民会怎么问<input name="question" value=${question} maxlength="2000" required
          onInput=${(event) => this.setState({ question: event.target.value })} /></label>
        <label>正在谈的救助<span class="small"> 可以不填</span><select name="scheme" value=${scheme} onChange=${(event) => this.setState({ scheme: event.target.value })}>
          <option value="">没有</option>${desk.schemes.map((one) => html`<option key=${one.id} value=${one.id} selected=${one.id === scheme}>${one.name}</option>`)}</select></label>
        <button type="submit" class="main" disabled=${busy}>${busy ? "正在想……" : "试一试"}</button>
      </form>
      ${explained ? html`<${Reasons} found=${explained} desk=${desk} onAsk=${(next) => this.setState({ question: next }, () => this.tryIt())} />`
        : html`<p class="small choose">写一个问题，看看会怎么答、依据哪一条、为什么是这一条。</p>`}
    </section>`;
  }

  renderDrafts({ draft, drafts, which, desk, busy }) {
    if (draft) {
      return html`<${Draft} key=${draft.id} draft=${draft} mayDecide=${desk.may_decide} busy=${busy} aspects=${desk.aspects} schemes=${desk.schemes}
        onBack=${() => this.setState({ draft: null }, () => this.list())} onChange=${(what, json) => this.change(what, json)}
        onAccept=${(date) => this.accept(date)} />`;
    }
    return html`<${DraftList} drafts=${drafts} which=${which} pack=${this.state.pack} onWhich=${(next) => this.list(next)} onOpen=${(id) => this.open(id)} />`;
  }

  render(_, state) {
    if (!state.ready) return html`<main class="plain"><p>正在打开……</p></main>`;
    if (!state.me) return html`<main class="plain"><h1>救助通 · 政策</h1>
      <p>请先登录，再回到这一页。</p><p><a href="/staff">去登录</a></p></main>`;
    return html`<div class="policy">
      <header class="top"><h1>救助通 · 政策</h1>
        <nav aria-label="页面">${Object.entries(VIEWS).map(([name, title]) => html`<button type="button" key=${name}
          aria-current=${state.view === name ? "page" : "false"} onClick=${() => this.show(name)}>${title}</button>`)}</nav>
        <label>政策包 <select value=${state.pack} onChange=${(event) => this.choose(event.target.value)}>
          ${state.desk.packs.map((pack) => html`<option key=${pack.name} value=${pack.name}>${pack.title}</option>`)}</select></label>
        <a href="/staff">回到接待</a></header>
      <div role="status" class="notices">${state.working && html`<p class="notice">${state.working}</p>`}${state.notice && html`<p class="notice">${state.notice}</p>`}</div>
      <main>${state.view === "try" ? this.renderTry(state) : this.renderDrafts(state)}</main>
    </div>`;
  }
}

const root = document.getElementById("app");
root.textContent = "";
render(html`<${Policy} />`, root);
