import { Component, html, render } from "./vendor/htm-preact.js";
import { call } from "./api.js";
import { Conversation } from "./conversation.js";
import { Dialog } from "./dialog.js";
import { clock, day, size } from "./format.js";
import { Citations, Text, authorName } from "./parts.js";
import { shrink } from "./photo.js";
import * as store from "./store.js";

// The two wishes that are always one touch away. Payloads, so that no understanding is needed.
const PERSON = { payload: "x:human", title: "人工" };
const AGAIN = { payload: "x:repeat", title: "再说一遍" };
const TITLES = { [PERSON.payload]: PERSON.title, [AGAIN.payload]: AGAIN.title };
const DEFAULTS = { title: "救助通", office: {}, max_file_bytes: 10 * 1024 * 1024, file_types: ["image/jpeg", "image/png", "application/pdf"] };

function Buttons({ message, answered, chosen, onPress }) {
  return html`<div class="choices" role="group" aria-label="可以点选的回答">
    ${message.buttons.map((button) => html`<button type="button" disabled=${answered}
      class=${chosen === button.payload ? "chosen" : ""}
      onClick=${() => onPress(message.seq, button)}>
      ${chosen === button.payload && html`<span aria-hidden="true">✓ </span><span class="sr">您选了：</span>`}${button.title}
    </button>`)}
  </div>`;
}

function Sending({ item, on }) {
  if (item.state === "sent") return null;
  if (item.state === "sending" || item.state === "waiting") {
    return html`<p class="state">正在发送${item.kind === "file" && item.progress
      ? html` <progress max="1" value=${item.progress} aria-label="发送进度"></progress>` : "……"}</p>`;
  }
  if (item.state === "failed") {
    return html`<button type="button" class="state retry" onClick=${() => on.resend(item)}>没发出去，点这里再发</button>`;
  }
  const reason = item.state === "lost" ? "照片没有发完，请重新选一次。" : item.problem;
  return html`<div class="state refused"><p>没有发出去。${reason}</p>
    ${item.kind === "text" && html`<button type="button" onClick=${() => on.takeBack(item)}>拿回来改</button>`}
    <button type="button" onClick=${() => on.discard(item)}>不发了</button></div>`;
}

function Message({ message, item, conversation, chosen, on }) {
  const own = item || message.author === "resident";
  const kind = own ? "resident" : message.author;
  const urgent = !own && message.speech === "urgent";
  const at = item ? new Date(item.at).toISOString() : message.created_at;
  const text = item ? item.text : message.text || TITLES[message.payload] || "";
  const receipt = !own && /受理编号/.test(text);
  return html`<article class=${`message ${kind} ${urgent ? "urgent" : ""}`} data-seq=${message ? message.seq : ""}>
    <h3><span>${own ? "我" : authorName(message)}</span> <time datetime=${at}>${clock(at)}</time></h3>
    <div class="bubble">
      ${urgent && html`<p class="alarm">紧急求助</p>`}
      ${item && item.kind === "file" ? html`<p class="text">照片或文件：${text}</p>` : text && html`<${Text} text=${text} urgent=${urgent} />`}
      ${message && (message.files || []).map((file) => html`<button type="button" class="file"
        onClick=${() => on.open(file)}>${file.mime.startsWith("image/") ? "查看" : "保存"}：${file.filename || "文件"}</button>`)}
      ${message && message.citations && message.citations.length > 0 && html`<${Citations} citations=${message.citations} />`}
      ${receipt && html`<button type="button" class="print-one" onClick=${(event) => on.printOne(event)}>打印或保存这一条</button>`}
    </div>
    ${message && !own && message.buttons && message.buttons.length > 0 && html`<${Buttons} message=${message}
      answered=${conversation.answered(message.seq)} chosen=${chosen} onPress=${on.press} />`}
    ${item && html`<${Sending} item=${item} on=${on} />`}
  </article>`;
}

class Log extends Component {
  // Which button of a message was taken: the payload of the resident's next message.
  chosen(entries, index) {
    for (const { message, item } of entries.slice(index + 1)) {
      if (item) return item.payload || "";
      if (message.author === "resident") return message.payload || "";
    }
    return "";
  }

  render({ conversation, on }) {
    const entries = conversation.entries();
    let last = "";
    return html`<div id="log" role="log" aria-live="polite" aria-relevant="additions" aria-busy=${!conversation.loaded} aria-label="对话记录">
      ${entries.flatMap(({ key, message, item }, index) => {
        const today = day(message ? message.created_at : item.at);
        const separator = today !== last;
        last = today;
        const shown = html`<${Message} key=${key} message=${message} item=${item} conversation=${conversation} on=${on}
          chosen=${message && message.buttons && message.buttons.length ? this.chosen(entries, index) : ""} />`;
        return separator ? [html`<p class="date" key=${`d${today}`}><span>${today}</span></p>`, shown] : [shown];
      })}
    </div>`;
  }
}

const LINK_WORDS = {
  offline: "网络断开了。您可以接着写，网络好了会自动发出去。",
};
const MODE_WORDS = {
  waiting: "已经替您叫了工作人员，正在等人接待。您可以接着写，工作人员会看到。",
  human: "现在是工作人员在和您说话。",
};

class Chat extends Component {
  constructor() {
    super();
    this.state = { config: DEFAULTS, large: store.get("large") === true, text: store.get("draft") || "", photo: null, ask: null, problem: "", below: false };
    this.on = {
      press: (seq, button) => this.press(seq, button),
      resend: (item) => this.conversation.resend(item),
      discard: (item) => this.conversation.discard(item),
      takeBack: (item) => {
        this.conversation.discard(item);
        this.type(item.text);
        this.input.focus();
      },
      open: (file) => this.open(file),
      printOne: (event) => this.printOne(event),
    };
    this.begin();
  }

  begin() {
    this.conversation = new Conversation(() => this.setState({}));
  }

  componentDidMount() {
    this.applySize();
    this.conversation.start();
    this.configure();
    // The same phone in two windows: when one forgets the conversation, the other must not go on showing it.
    addEventListener("storage", (event) => {
      if (event.key === "jzt.conversation" && event.newValue === null) location.reload();
    });
    addEventListener("scroll", () => this.state.below && this.nearEnd() && this.setState({ below: false }), { passive: true });
    addEventListener("afterprint", () => document.body.classList.remove("one"));
  }

  async configure() {
    try {
      const config = await call("GET", "/api/v1/web/config");
      this.setState({ config: { ...DEFAULTS, ...config } });
    } catch {
      setTimeout(() => this.configure(), 15000);
    }
  }

  getSnapshotBeforeUpdate() {
    return this.nearEnd();
  }

  componentDidUpdate(_, __, wasNearEnd) {
    this.fitInput();
    const entries = this.conversation.entries();
    const newest = entries.length ? entries[entries.length - 1].key : "";
    const count = entries.length;
    if (!count || (newest === this.shownNewest && count === this.shownCount)) return;
    const first = this.shownNewest === undefined;
    const own = entries.length && (entries[entries.length - 1].item || entries[entries.length - 1].message.author === "resident");
    this.shownNewest = newest;
    this.shownCount = count;
    // Opened for the first time, the greeting is read from its beginning.
    const untouched = !document.querySelector(".message.resident");
    if (first && untouched) return;
    if (first || own || wasNearEnd) this.toEnd(!first && !own);
    else if (!this.state.below) this.setState({ below: true });
  }

  fitInput() {
    if (!this.input) return;
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight + 4}px`;
  }

  nearEnd() {
    const page = document.documentElement;
    return page.scrollHeight - page.clientHeight - page.scrollTop < 120;
  }

  // To the end; but a long reply is shown from its beginning, under the resident's own last words.
  toEnd(keepBeginning) {
    const page = document.documentElement;
    let target = page.scrollHeight - page.clientHeight;
    if (keepBeginning) {
      const own = [...document.querySelectorAll(".message.resident")].pop();
      const head = document.querySelector(".top").offsetHeight;
      if (own) target = Math.min(target, own.offsetTop - head - 8);
    }
    scrollTo(0, Math.max(0, target));
  }

  applySize() {
    document.documentElement.classList.toggle("large", this.state.large);
  }

  resize() {
    const atEnd = this.nearEnd();
    this.setState({ large: !this.state.large }, () => {
      store.put("large", this.state.large);
      this.applySize();
      if (atEnd) this.toEnd(false);
    });
  }

  type(text) {
    store.put("draft", text);
    this.setState({ text, problem: "" });
  }

  submit(event) {
    event.preventDefault();
    const text = this.state.text.trim();
    if (!text) {
      this.setState({ problem: "还没有写字。请先把想问的话写在框里，再点“发送”。" });
      this.input.focus();
      return;
    }
    // Cleared before anything else: a second press finds an empty box.
    this.state.text = "";
    this.type("");
    this.conversation.say(text);
    this.input.focus();
  }

  keydown(event) {
    // While a Chinese input method is choosing characters, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this.submit(event);
  }

  press(seq, button) {
    if (this.conversation.answered(seq)) return;
    this.conversation.press(button.payload, button.title);
  }

  async choose(event) {
    const [file] = event.target.files;
    event.target.value = ""; // the same photo may be chosen again
    if (!file) return;
    const { config } = this.state;
    let blob = file;
    let filename = file.name || "照片.jpg";
    if (file.size > config.max_file_bytes) {
      blob = await shrink(file, config.max_file_bytes);
      if (!blob) {
        this.setState({ problem: `这个文件太大（${size(file.size)}），最多 ${size(config.max_file_bytes)}。请拍一张照片发来就可以。` });
        return;
      }
      filename = filename.replace(/\.[^.]*$/, "") + ".jpg";
    }
    if (blob.size === 0) {
      this.setState({ problem: "这个文件是空的，请换一张照片。" });
      return;
    }
    this.dropPhoto();
    const preview = blob.type.startsWith("image/") ? URL.createObjectURL(blob) : "";
    this.setState({ photo: { blob, filename, preview }, problem: "" }, () => this.photoButton && this.photoButton.focus());
  }

  dropPhoto() {
    if (this.state.photo && this.state.photo.preview) URL.revokeObjectURL(this.state.photo.preview);
    this.setState({ photo: null });
  }

  sendPhoto() {
    const { photo } = this.state;
    if (!photo) return;
    this.dropPhoto();
    this.state.photo = null;
    this.conversation.sendFile(photo.blob, photo.filename);
    this.input.focus();
  }

  async open(file) {
    try {
      const blob = await this.conversation.file(file.id);
      const address = URL.createObjectURL(blob);
      this.setState({ ask: { kind: "file", file, address, image: blob.type.startsWith("image/") } });
    } catch {
      this.setState({ problem: "文件没有打开。请看看网络，过一会儿再点一次。" });
    }
  }

  closeAsk() {
    if (this.state.ask && this.state.ask.address) URL.revokeObjectURL(this.state.ask.address);
    this.setState({ ask: null });
  }

  printOne(event) {
    for (const marked of document.querySelectorAll(".print-this")) marked.classList.remove("print-this");
    event.currentTarget.closest(".message").classList.add("print-this");
    document.body.classList.add("one");
    print();
  }

  restart() {
    this.conversation.close();
    Conversation.clear();
    store.drop("draft");
    this.shownNewest = undefined;
    this.begin();
    this.setState({ ask: null, text: "", problem: "" });
    this.conversation.start();
  }

  ask(kind) {
    const menu = document.querySelector("details.menu");
    if (menu) menu.open = false;
    this.setState({ ask: { kind } });
  }

  renderTop({ config, large }) {
    const { office } = config;
    return html`<header class="top">
      <a class="skip" href="#say">跳到输入框</a>
      <h1>${config.title || "救助通"}</h1>
      <button type="button" class="size" aria-pressed=${large} onClick=${() => this.resize()}>大字</button>
      <details class="menu" onKeyDown=${(event) => {
        if (event.key !== "Escape") return;
        event.currentTarget.open = false;
        event.currentTarget.querySelector("summary").focus();
      }}>
        <summary>更多</summary>
        <div>
          ${office.name && html`<section aria-label="救助窗口"><h2>${office.name}</h2>
            ${office.address && html`<p>地址：${office.address}</p>`}
            ${office.hours && html`<p>时间：${office.hours}</p>`}
            ${config.hotline && html`<p>咨询：${config.hotline}</p>`}
            ${office.phone && html`<p>电话：<a href=${`tel:${office.phone.replace(/[^\d-]/g, "")}`}>${office.phone}</a></p>`}
          </section>`}
          <button type="button" onClick=${() => print()}>打印这次对话</button>
          <button type="button" onClick=${() => this.ask("new")}>新开一个对话</button>
          <button type="button" onClick=${() => this.ask("forget")}>删除本机记录</button>
        </div>
      </details>
    </header>`;
  }

  renderNotices({ problem }) {
    const { link } = this.conversation;
    return html`<div class="notices" role="status">
      ${LINK_WORDS[link] && html`<p class="notice offline">${LINK_WORDS[link]}</p>`}
      ${problem && html`<p class="notice problem">${problem}</p>`}
    </div>`;
  }

  renderComposer({ text, photo, config }) {
    if (this.conversation.gone) {
      return html`<section class="composer" aria-label="对话已结束"><p>这段对话打不开了：可能已经删除。已经交上去的申请不受影响。</p>
        <button type="button" class="main" onClick=${() => this.restart()}>新开一个对话</button></section>`;
    }
    return html`<section class="composer" aria-label="写给救助通">
      ${this.state.below && html`<button type="button" class="below" onClick=${() => { this.toEnd(true); this.setState({ below: false }); }}>下面有新消息 ↓</button>`}
      ${this.renderNotices(this.state)}
      ${photo && html`<div class="photo" role="group" aria-label="要发的照片">
        ${photo.preview && html`<img src=${photo.preview} alt="要发的照片预览" />`}
        <p>${photo.filename}(${size(photo.blob.size)})</p>
        <button type="button" class="main" ref=${(node) => { this.photoButton = node; }} onClick=${() => this.sendPhoto()}>发送照片</button>
        <button type="button" onClick=${() => { this.dropPhoto(); this.input.focus(); }}>不发了</button>
      </div>`}
      <form onSubmit=${(event) => this.submit(event)}>
        <label class="sr" for="say">在这里写您想问的话</label>
        <textarea id="say" rows="1" placeholder="写在这里" autocomplete="off" enterkeyhint="send" value=${text}
          ref=${(node) => { this.input = node; }}
          onInput=${(event) => this.type(event.target.value)} onKeyDown=${(event) => this.keydown(event)}></textarea>
        <button type="submit" class="main">发送</button>
      </form>
      <div class="quick">
        <button type="button" onClick=${() => this.always(PERSON)}>人工</button>
        <button type="button" onClick=${() => this.always(AGAIN)}>再说一遍</button>
        <label class="pick"><input type="file" class="sr" accept=${config.file_types.join(",")} onChange=${(event) => this.choose(event)} /><span>发照片</span></label>
      </div>
    </section>`;
  }

  // Pressed twice by a trembling hand is still one wish.
  always(wish) {
    const entries = this.conversation.entries();
    const last = entries[entries.length - 1];
    const said = last && (last.item || last.message);
    if (said && said.payload === wish.payload && said.state !== "refused") return;
    this.conversation.press(wish.payload, wish.title);
  }

  renderAsk({ ask }) {
    if (!ask) return null;
    const close = () => this.closeAsk();
    if (ask.kind === "file") {
      return html`<${Dialog} title=${ask.file.filename || "文件"} onClose=${close}>
        ${ask.image ? html`<img class="full" src=${ask.address} alt=${ask.file.filename || "您发的照片"} />`
          : html`<p>文件准备好了。保存以后，在手机的“下载”里能找到，可以打印。</p>`}
        <div class="row">${!ask.image && html`<a class="main" href=${ask.address} download=${ask.file.filename || "文件"}>保存到手机</a>`}
          <button type="button" class=${ask.image ? "main" : ""} onClick=${close}>关上</button></div>
      <//>`;
    }
    const words = {
      new: ["新开一个对话？", "原来的对话会从这部手机上去掉，不能再接着说。已经交上去的申请不受影响，受理编号请先记下来。", "新开"],
      forget: ["删除这部手机上的记录？", "适合和别人共用一部手机时用。这部手机上就看不到您说过的话了。已经交上去的申请还在救助窗口，不受影响；受理编号请先记下来。想把窗口保存的资料也删掉，请先点“人工”告诉工作人员。", "删除"],
    }[ask.kind];
    return html`<${Dialog} title=${words[0]} onClose=${close}>
      <p>${words[1]}</p>
      <div class="row">
        <button type="button" onClick=${close}>不，返回</button>
        <button type="button" class="main" onClick=${() => this.restart()}>${words[2]}</button>
      </div>
    <//>`;
  }

  render(_, state) {
    const { mode, gone } = this.conversation;
    return html`<div class="page">
      ${this.renderTop(state)}
      <main>
        ${!this.conversation.loaded && html`<p class="date"><span>正在打开对话……</span></p>`}
        <${Log} conversation=${this.conversation} on=${this.on} />
        <div role="status">${!gone && MODE_WORDS[mode] && html`<p class="notice">${MODE_WORDS[mode]}</p>`}</div>
      </main>
      ${this.renderComposer(state)}
      ${this.renderAsk(state)}
    </div>`;
  }
}

const root = document.getElementById("app");
root.textContent = "";
render(html`<${Chat} />`, root);
