import { Component, html, render } from "./vendor/htm-preact.js";
import { Refused, call, download, newId } from "./api.js";
import { Dialog } from "./dialog.js";
import { clock, day, waited } from "./format.js";
import { LiveLine, socketAddress } from "./live.js";
import { Citations, Text, authorName } from "./parts.js";

const API = "/api/v1/staff";
const UNREACHABLE = "连不上服务器，这一步没有办成。写的内容还在，请过一会儿再试。";
const CHANNELS = { web: "网页", telegram: "Telegram", wechat: "微信", console: "终端" };

// The dialogue gives reasons as codes; what is no code is shown as it came.
const REASONS = {
  resident_asked: "居民要找工作人员",
  "danger:suicide": "可能想不开",
  "danger:violence": "可能正受到暴力",
  "danger:child_alone": "孩子没有人照看",
  "danger:no_food": "没有饭吃",
  "danger:medical": "可能有急病",
  "danger:other": "可能有危险",
};
const reason = (handoff) => REASONS[handoff.reason] || handoff.reason || REASONS.resident_asked;

class Login extends Component {
  async submit(event) {
    event.preventDefault();
    if (this.state.busy) return;
    const fields = event.currentTarget.elements;
    this.setState({ busy: true, problem: "" });
    try {
      this.props.onDone(await call("POST", `${API}/login`, { json: { name: fields.name.value.trim(), password: fields.password.value } }));
    } catch (error) {
      this.setState({ busy: false, problem: error instanceof Refused ? error.message : "现在登录不了：连不上服务器，或试得太频繁。请过一会儿再试。" });
      fields.password.select();
    }
  }

  render({ again }, { busy, problem }) {
    return html`<main class="login"><h1>救助通 · 工作人员</h1>
      ${again && html`<p class="notice">登录已过期，请重新登录。刚才写的内容还在。</p>`}
      <form onSubmit=${(event) => this.submit(event)}>
        <label>用户名<input name="name" autocomplete="username" autocapitalize="none" required /></label>
        <label>密码<input name="password" type="password" autocomplete="current-password" required /></label>
        <button type="submit" class="main" disabled=${busy}>${busy ? "正在登录……" : "登录"}</button>
        <p role="alert" class=${problem ? "notice problem" : ""}>${problem}</p>
      </form></main>`;
  }
}

function Row({ handoff, open, names, onOpen }) {
  return html`<li><button type="button" class=${`entry ${handoff.urgent ? "danger" : ""}`} aria-current=${open ? "true" : "false"}
    onClick=${() => onOpen(handoff)}>
    <span class="line">${handoff.urgent && html`<strong class="alarm">危险</strong> `}<b>${reason(handoff)}</b></span>
    <span class="line small">${CHANNELS[handoff.channel] || handoff.channel} · ${waited(handoff.waiting_since)}${
      handoff.assignee ? ` · ${names(handoff.assignee)}` : ""}</span>
    ${handoff.preview && html`<span class="line preview">${handoff.preview}</span>`}
  </button></li>`;
}

function List({ title, rows, empty, open, names, onOpen }) {
  return html`<section><h2>${title}（${rows.length}）</h2>
    ${rows.length ? html`<ul>${rows.map((handoff) => html`<${Row} key=${handoff.id} handoff=${handoff} names=${names}
      open=${open === handoff.conversation_id} onOpen=${onOpen} />`)}</ul>` : html`<p class="small">${empty}</p>`}
  </section>`;
}

function History({ messages, onFile }) {
  let last = "";
  return html`<div class="history" role="log" aria-label="对话记录" tabindex="0">
    ${messages.flatMap((message) => {
      const today = day(message.created_at);
      const separator = today !== last;
      last = today;
      const shown = html`<article key=${message.seq} class=${`message ${message.author} ${message.speech === "urgent" ? "urgent" : ""}`}>
        <h3>${authorName(message)} <time datetime=${message.created_at}>${clock(message.created_at)}</time></h3>
        <div class="bubble">
          ${message.text && html`<${Text} text=${message.text} urgent=${false} />`}
          ${(message.files || []).map((file) => html`<button type="button" onClick=${() => onFile(file)}>查看：${file.filename || "文件"}</button>`)}
          ${message.citations && message.citations.length > 0 && html`<${Citations} citations=${message.citations} />`}
          ${message.buttons && message.buttons.length > 0 && html`<p class="small">给出的选项：${message.buttons.map((button) => button.title).join("、")}</p>`}
        </div></article>`;
      return separator ? [html`<p class="date" key=${`d${today}`}>${today}</p>`, shown] : [shown];
    })}
  </div>`;
}

function Facts({ draft, cases }) {
  const labels = Object.entries(draft || {});
  return html`<details class="facts"><summary>申请草稿（${labels.length} 项）和已交的申请（${cases.length} 件）</summary>
    ${labels.length ? html`<dl>${labels.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${String(value)}</dd></div>`)}</dl>`
      : html`<p class="small">还没有填写申请。</p>`}
    ${cases.length > 0 && html`<ul>${cases.map((item) => html`<li key=${item.id}>${item.id} · ${item.status_title || item.status}${
      item.created_at ? ` · ${day(item.created_at)}` : ""}</li>`)}</ul>`}
  </details>`;
}

function Outbox({ outbox, onRetry }) {
  if (!outbox || !outbox.parked.length) return null;
  return html`<section class="notice problem parked" aria-label="没有送达的申请">
    <h2>有 ${outbox.parked.length} 件申请没有送到业务系统</h2>
    <p>申请都在，没有丢。请先看看业务系统是否正常，再点“重新送”。</p>
    <ul>${outbox.parked.map((entry) => html`<li key=${entry.id}>
      <span>${entry.case_id}，试过 ${entry.attempts} 次。${entry.last_error && html`<span class="small">原因：${entry.last_error}</span>`}</span>
      <button type="button" onClick=${() => onRetry(entry)}>重新送</button></li>`)}</ul>
  </section>`;
}

class Staff extends Component {
  constructor() {
    super();
    // replies: what is being written, by conversation; it outlives a lost session and a look at somebody else.
    this.state = { me: null, ready: false, expired: false, inbox: { waiting: [], mine: [], others: [] }, outbox: null, open: null, view: null, replies: {}, link: "live", notice: "", ask: null, colleagues: [] };
    // Loads of the open conversation may overtake each other: the number of the last one asked, and of the one shown.
    this.asked = 0;
    this.shown = 0;
    this.line = new LiveLine({
      open: () => new WebSocket(socketAddress(`${API}/ws`)),
      poll: () => this.refresh(),
      onFrame: (frame) => this.hint(frame),
      onState: (link) => this.setState({ link }),
    });
  }

  componentDidMount() {
    this.resume();
    setInterval(() => this.setState({}), 30000); // the waiting times
  }

  async resume() {
    try {
      this.signedIn(await call("GET", `${API}/me`));
    } catch (error) {
      if (error instanceof Refused) this.setState({ ready: true });
      else setTimeout(() => this.resume(), 3000);
    }
  }

  signedIn(me) {
    this.setState({ me, ready: true, expired: false, notice: "" });
    this.line.start();
    this.loadColleagues();
    if (this.state.open) this.load();
  }

  signedOut(expired) {
    this.line.stop();
    this.setState({ me: null, ready: true, expired, ask: null, ...(expired ? {} : { replies: {}, open: null, view: null }) });
  }

  // Every request of this page: says kindly what went wrong; undefined when it did.
  async api(method, path, json) {
    const headers = method === "GET" ? {} : { "X-CSRF-Token": this.state.me ? this.state.me.csrf : "" };
    try {
      return await call(method, API + path, { json: method === "GET" ? undefined : json || {}, headers });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.signedOut(true);
      else this.setState({ notice: error instanceof Refused ? error.message : UNREACHABLE });
      throw error;
    }
  }

  async quietly(method, path, json) {
    try {
      return await this.api(method, path, json);
    } catch {
      return undefined;
    }
  }

  async loadColleagues() {
    const found = await this.quietly("GET", "/colleagues");
    if (found) this.setState({ colleagues: found.staff });
  }

  async refresh() {
    try {
      const inbox = await call("GET", `${API}/inbox`);
      const outbox = await call("GET", `${API}/outbox`);
      const urgent = inbox.waiting.filter((row) => row.urgent).length;
      document.title = `${inbox.waiting.length ? `(${inbox.waiting.length}) ` : ""}${urgent ? "危险！ " : ""}救助通 · 工作人员`;
      this.setState({ inbox, outbox });
      if (this.state.open) await this.load();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.signedOut(true);
      else throw error;
    }
  }

  hint(frame) {
    if (frame.type === "inbox") this.line.pollSoon(100);
    else if (frame.type === "message" && frame.conversation_id === this.state.open) this.load();
    else this.line.pollSoon(1000);
  }

  async load() {
    const id = this.state.open;
    if (!id) return;
    this.asked += 1;
    const turn = this.asked;
    const stale = () => this.state.open !== id || turn < this.shown;
    let view;
    try {
      view = await call("GET", `${API}/conversations/${encodeURIComponent(id)}`);
    } catch (error) {
      if (stale() || !(error instanceof Refused)) return;
      if (error.status === 401) this.signedOut(true);
      else {
        this.back();
        this.setState({ notice: "这段对话已经办完，或者不由您接待了。" });
      }
      return;
    }
    if (stale()) return;
    this.shown = turn;
    const box = this.scroller();
    const follow = this.toLatest || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    this.toLatest = false;
    this.setState({ view }, () => {
      const now = this.scroller();
      if (follow) now.scrollTop = now.scrollHeight;
    });
  }

  // What scrolls: the history in its frame, or on a phone the whole page.
  scroller() {
    const box = document.querySelector(".history");
    return box && getComputedStyle(box).overflowY === "auto" ? box : document.documentElement;
  }

  show(handoff) {
    this.toLatest = true;
    this.setState({ open: handoff.conversation_id, view: null, notice: "" }, () => this.load());
  }

  back() {
    this.setState({ open: null, view: null });
  }

  async act(handoff, what, json) {
    if (this.acting) return;
    this.acting = true;
    const words = { take: "已由您接待。机器人不再说话，请您回复。", release: "已放回等待列表。", close: "已交还给机器人。", assign: "已转给同事。" };
    try {
      await this.api("POST", `/handoffs/${encodeURIComponent(handoff.id)}/${what}`, json);
      this.setState({ notice: words[what], ask: null });
      if (what === "take") this.toLatest = true;
      else if (this.state.open === handoff.conversation_id) this.back();
    } catch {
      this.setState({ ask: null }); // api() has said why, for instance that a colleague was first
    } finally {
      this.acting = false;
    }
    this.line.pollSoon(0);
    if (what === "take") setTimeout(() => this.box && this.box.focus(), 300);
  }

  write(text) {
    const { open, replies } = this.state;
    const before = replies[open] || {};
    // A changed text is another message; the same text sent again after a failure is the same one.
    this.setState({ replies: { ...replies, [open]: { text, id: before.text === text ? before.id : newId() } } });
  }

  async send(event) {
    if (event) event.preventDefault();
    const { open, replies } = this.state;
    const reply = replies[open];
    if (!reply || !reply.text.trim() || this.sending) return;
    this.sending = true;
    this.setState({ notice: "" });
    try {
      await this.api("POST", `/conversations/${encodeURIComponent(open)}/reply`, { client_id: reply.id, text: reply.text.trim() });
      const now = this.state.replies[open];
      if (now && now.id === reply.id) this.setState({ replies: { ...this.state.replies, [open]: { text: "", id: newId() } } });
      await this.load();
    } catch {
      // api() has said why; the text is still in the box
    } finally {
      this.sending = false;
      this.setState({});
    }
  }

  async file(file) {
    try {
      const blob = await download(`${API}/conversations/${encodeURIComponent(this.state.open)}/files/${encodeURIComponent(file.id)}`, {});
      this.setState({ ask: { kind: "file", file, address: URL.createObjectURL(blob), image: blob.type.startsWith("image/") } });
    } catch (error) {
      this.setState({ notice: error instanceof Refused ? error.message : UNREACHABLE });
    }
  }

  closeAsk() {
    if (this.state.ask && this.state.ask.address) URL.revokeObjectURL(this.state.ask.address);
    this.setState({ ask: null });
  }

  async retry(entry) {
    if (await this.quietly("POST", `/outbox/${encodeURIComponent(entry.id)}/retry`)) this.setState({ notice: "已安排重新送，稍后会更新。" });
    this.line.pollSoon(500);
  }

  async logout() {
    if ((await this.quietly("POST", "/logout")) !== undefined) this.signedOut(false);
  }

  renderAsk({ ask, colleagues, me }) {
    if (!ask) return null;
    const close = () => this.closeAsk();
    if (ask.kind === "file") {
      return html`<${Dialog} title=${ask.file.filename || "文件"} onClose=${close}>
        ${ask.image ? html`<img class="full" src=${ask.address} alt=${`居民发来的 ${ask.file.filename || "照片"}`} />`
          : html`<p><a href=${ask.address} download=${ask.file.filename || "文件"}>保存这个文件</a></p>`}
        <div class="row"><button type="button" class="main" onClick=${close}>关上</button></div><//>`;
    }
    if (ask.kind === "close") {
      return html`<${Dialog} title="交还给机器人？" onClose=${close}>
        <p>居民会收到一句说明，之后由机器人接着回答。居民随时可以再点“人工”。</p>
        <div class="row"><button type="button" onClick=${close}>返回</button>
          <button type="button" class="main" onClick=${() => this.act(ask.handoff, "close")}>交还</button></div><//>`;
    }
    const others = colleagues.filter((person) => person.name !== me.name);
    return html`<${Dialog} title="转给哪位同事？" onClose=${close}>
      ${others.length ? html`<div class="people">${others.map((person) => html`<button type="button" key=${person.name}
        onClick=${() => this.act(ask.handoff, "assign", { to: person.name })}>${person.display_name}</button>`)}</div>`
        : html`<p>还没有别的同事的账号。</p>`}
      <div class="row"><button type="button" onClick=${close}>返回</button></div><//>`;
  }

  renderConversation({ view, replies, open, me }) {
    if (!view) return html`<section class="conversation"><p class="small">正在打开……</p></section>`;
    const { handoff } = view;
    const mine = Boolean(handoff && handoff.assignee === me.name && view.mode === "human");
    const waiting = Boolean(handoff && !handoff.assignee);
    const steward = mine || Boolean(handoff && handoff.assignee && me.role === "admin");
    const text = (replies[open] || { text: "" }).text;
    const state = mine ? "由您接待，机器人不说话" : waiting ? "在等人接待" : handoff ? `由 ${this.names(handoff.assignee)} 接待` : "机器人在接待";
    return html`<section class="conversation" aria-label="对话">
      <div class="bar">
        <button type="button" class="back" onClick=${() => this.back()}>‹ 返回列表</button>
        <p class="status">${handoff && handoff.urgent && html`<strong class="alarm">危险</strong> `}${handoff ? `${reason(handoff)}：` : ""}${state}</p>
        <div class="actions">
          ${waiting && html`<button type="button" class="main" onClick=${() => this.act(handoff, "take")}>我来接待</button>`}
          ${steward && html`<button type="button" onClick=${() => this.setState({ ask: { kind: "close", handoff } })}>交还给机器人</button>
            <button type="button" onClick=${() => this.act(handoff, "release")}>放回等待列表</button>`}
          ${(steward || waiting) && html`<button type="button" onClick=${() => this.setState({ ask: { kind: "assign", handoff } })}>转给同事</button>`}
        </div>
      </div>
      <${Facts} draft=${view.draft} cases=${view.cases || []} />
      <${History} key=${open} messages=${view.messages} onFile=${(file) => this.file(file)} />
      ${mine || text ? html`<form class="reply" onSubmit=${(event) => this.send(event)}>
        <label for="reply">回复居民（Ctrl+Enter 发送）</label>
        <textarea id="reply" rows="3" value=${text} ref=${(node) => { this.box = node; }} onInput=${(event) => this.write(event.target.value)}
          onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing && this.send(event)}></textarea>
        <button type="submit" class="main" disabled=${!mine || this.sending}>${this.sending ? "正在发送……" : "发送"}</button>
        ${!mine && html`<p class="small">现在不是您在接待，不能发送。写的内容先留在这里。</p>`}
      </form>` : html`<p class="small hint">${waiting ? "点“我来接待”后就能回复。" : "只能查看，不能回复。查看会留下记录。"}</p>`}
    </section>`;
  }

  names(name) {
    const found = this.state.colleagues.find((person) => person.name === name);
    return found ? found.display_name : name;
  }

  render(_, state) {
    if (!state.ready) return html`<main class="plain"><p>正在打开……</p></main>`;
    if (!state.me) return html`<${Login} again=${state.expired} onDone=${(me) => this.signedIn(me)} />`;
    const { inbox, open } = state;
    const urgent = inbox.waiting.filter((row) => row.urgent).length;
    const list = { open, names: (name) => this.names(name), onOpen: (handoff) => this.show(handoff) };
    return html`<div class=${`desk ${open ? "reading" : ""}`}>
      <header class="top"><h1>救助通 · 工作人员</h1><span>${state.me.display_name || state.me.name}</span>
        <a href="/staff/policy">政策</a>
        <button type="button" onClick=${() => this.logout()}>退出</button></header>
      <div role="status" class="notices">
        ${state.link === "offline" && html`<p class="notice offline">网络断开了，列表可能不是最新的。恢复后会自动更新。</p>`}
        ${urgent > 0 && html`<p class="notice problem">有 ${urgent} 位居民可能有危险，请马上接待。</p>`}
        ${state.notice && html`<p class="notice">${state.notice}</p>`}
      </div>
      <main>
        <div class="lists">
          <${Outbox} outbox=${state.outbox} onRetry=${(entry) => this.retry(entry)} />
          <${List} title="等待接待" rows=${inbox.waiting} empty="现在没有人在等。" ...${list} />
          <${List} title="我在接待" rows=${inbox.mine} empty="您手上没有对话。" ...${list} />
          <${List} title="同事在接待" rows=${inbox.others} empty="没有。" ...${list} />
        </div>
        ${open ? this.renderConversation(state) : html`<p class="small choose">从列表里选一位居民。</p>`}
      </main>
      ${this.renderAsk(state)}
    </div>`;
  }
}

const root = document.getElementById("app");
root.textContent = "";
render(html`<${Staff} />`, root);
