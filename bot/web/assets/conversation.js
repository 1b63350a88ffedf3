// One resident's conversation as this phone knows it: what the service has said and what is still to be sent.
// No drawing here. Every message to send gets its own client_id and stays in the outbox until the service has
// acknowledged it, so a lost connection neither loses nor doubles it.

import { Refused, Unreachable, call, download, newId, upload } from "./api.js";
import { LiveLine, socketAddress } from "./live.js";
import * as store from "./store.js";

const API = "/api/v1/web/conversations";
const RETRY_MS = [1000, 2000, 5000, 10000, 20000, 30000];
// An answer written long ago must not drop into today's question by itself; the resident decides.
const AUTO_RESEND_MS = 10 * 60 * 1000;

export class Conversation {
  constructor(onChange) {
    this.onChange = onChange;
    this.messages = new Map(); // seq -> message as the service sent it
    this.cursor = 0; // highest seq received; own messages' acknowledgements do not move it
    this.mode = "bot";
    this.modeFrames = 0; // how often the socket said who speaks; a page asked for before that is older
    this.link = "connecting";
    this.loaded = false;
    this.gone = false; // the service does not know this conversation (any more)
    this.failures = 0;
    this.identity = store.get("conversation");
    this.outbox = store.keys("out.").map((key) => store.get(key)).filter(Boolean);
    for (const item of this.outbox) {
      if (item.kind === "file") item.state = "lost"; // the picture itself was only in the page's memory
      else if (Date.now() - item.at > AUTO_RESEND_MS) item.state = "failed";
      else item.state = "waiting";
    }
    this.line = new LiveLine({
      open: () => this.openSocket(),
      poll: () => this.fetchNew(),
      onFrame: (frame) => this.take(frame),
      onState: (state) => this.linkIs(state),
    });
  }

  set(change) {
    Object.assign(this, change);
    this.onChange();
  }

  linkIs(state) {
    const back = this.link === "offline" && state !== "offline";
    this.set({ link: state });
    if (back) this.retryRecent();
  }

  async start() {
    this.onChange();
    try {
      await this.ensureOpen();
    } catch (error) {
      if (error instanceof Refused) this.set({ loaded: true, gone: true });
      else {
        this.set({ link: "offline", loaded: true });
        this.startTimer = setTimeout(() => this.start(), this.pause());
      }
      return;
    }
    this.line.start();
    this.pump();
  }

  close() {
    this.closed = true;
    clearTimeout(this.startTimer);
    clearTimeout(this.pumpTimer);
    this.line.stop();
  }

  pause() {
    this.failures += 1;
    return RETRY_MS[Math.min(this.failures - 1, RETRY_MS.length - 1)];
  }

  get address() {
    return `${API}/${encodeURIComponent(this.identity.id)}`;
  }

  get auth() {
    return { Authorization: `Bearer ${this.identity.token}` };
  }

  ensureOpen() {
    if (this.identity) return Promise.resolve();
    if (!this.opening) {
      this.opening = call("POST", API, { json: {} })
        .then((made) => {
          this.identity = { id: made.conversation_id, token: made.token };
          store.put("conversation", this.identity);
        })
        .finally(() => {
          this.opening = null;
        });
    }
    return this.opening;
  }

  openSocket() {
    const path = `${this.address}/ws?after=${this.cursor}`;
    return new WebSocket(socketAddress(path), ["jzt", `bearer.${this.identity.token}`]);
  }

  async fetchNew() {
    let more = true;
    while (more && !this.closed) {
      let page;
      const frames = this.modeFrames;
      try {
        page = await call("GET", `${this.address}/messages?after=${this.cursor}`, { headers: this.auth });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.line.stop();
        this.set({ gone: true, loaded: true });
        return;
      }
      const before = this.cursor;
      page.messages.forEach((message) => this.keep(message));
      more = this.cursor > before && page.messages.length > 0;
      this.failures = 0;
      this.set({ mode: frames === this.modeFrames ? page.mode : this.mode, loaded: true });
    }
    if (this.outbox.some((item) => item.state === "waiting")) this.pump();
  }

  take(frame) {
    if (frame.type === "mode") {
      this.modeFrames += 1;
      this.set({ mode: frame.mode });
    }
    if (frame.type !== "message") return;
    // A hole may be a note the resident is not shown, or a frame that went missing: ask, it costs one request.
    const hole = this.cursor > 0 && frame.message.seq > this.cursor + 1;
    if (hole) this.line.pollSoon(0);
    else this.keep(frame.message);
    this.onChange();
  }

  keep(message) {
    this.messages.set(message.seq, message);
    this.cursor = Math.max(this.cursor, message.seq);
    if (message.author !== "resident") return;
    const own = this.outbox.find((item) => item.id === message.client_id || item.seq === message.seq);
    if (own) this.forget(own);
  }

  forget(item) {
    this.outbox = this.outbox.filter((other) => other !== item);
    store.drop(`out.${item.at}.${item.id}`);
  }

  // Everything to show, in order: the service's messages with acknowledged own ones at their place, then the rest.
  entries() {
    const shown = [...this.messages.values()].map((message) => ({ key: message.client_id || `m${message.seq}`, seq: message.seq, message }));
    for (const item of this.outbox) {
      shown.push({ key: item.id, seq: item.seq || Infinity, item });
    }
    return shown.sort((a, b) => (a.seq === b.seq ? (a.item ? a.item.at : 0) - (b.item ? b.item.at : 0) : a.seq - b.seq));
  }

  // A question's buttons count until something was answered after it.
  answered(seq) {
    if (this.outbox.some((item) => item.state !== "refused" && item.state !== "lost")) return true;
    for (const message of this.messages.values()) {
      if (message.seq > seq && message.author === "resident") return true;
    }
    return false;
  }

  say(text) {
    this.enqueue({ kind: "text", text });
  }

  press(payload, title) {
    this.enqueue({ kind: "payload", payload, text: title });
  }

  sendFile(blob, filename) {
    this.enqueue({ kind: "file", text: filename }, blob);
  }

  enqueue(fields, blob = null) {
    const last = this.outbox.length ? this.outbox[this.outbox.length - 1].at : 0;
    const item = { id: newId(), at: Math.max(Date.now(), last + 1), state: "waiting", ...fields };
    store.put(`out.${item.at}.${item.id}`, item); // before the picture is attached: only words are kept
    item.blob = blob;
    this.outbox = [...this.outbox, item];
    this.onChange();
    this.pump();
  }

  resend(item) {
    this.failures = 0;
    for (const other of this.outbox) if (other.state === "failed" && other.at <= item.at) other.state = "waiting";
    this.onChange();
    this.pump();
  }

  discard(item) {
    this.forget(item);
    this.onChange();
  }

  // Sends what waits, oldest first, one at a time: the order of the words is part of what was said.
  async pump() {
    if (this.pumping || this.closed || this.gone) return;
    this.pumping = true;
    clearTimeout(this.pumpTimer);
    try {
      await this.ensureOpen();
      let item;
      while (!this.closed && (item = this.outbox.find((other) => other.state === "waiting"))) {
        item.state = "sending";
        this.onChange();
        await this.deliver(item);
      }
      this.failures = 0;
    } catch (error) {
      this.afterFailure(error);
    } finally {
      this.pumping = false;
      this.onChange();
    }
  }

  async deliver(item) {
    try {
      const accepted = await this.post(item);
      item.seq = accepted.seq;
      item.state = "sent";
      store.drop(`out.${item.at}.${item.id}`);
      if (this.messages.has(item.seq)) this.forget(item);
    } catch (error) {
      if (!(error instanceof Refused)) {
        item.state = "failed";
        throw error;
      }
      if ([401, 403, 404].includes(error.status)) {
        item.state = "failed";
        this.line.stop();
        this.gone = true;
        throw error;
      }
      item.state = "refused";
      item.problem = error.message;
      store.drop(`out.${item.at}.${item.id}`);
    }
    this.onChange();
  }

  post(item) {
    const address = `${this.address}/messages`;
    if (item.kind === "file") {
      const form = new FormData();
      form.append("client_id", item.id);
      form.append("file", item.blob, item.text);
      return upload(address, form, this.auth, (share) => {
        item.progress = share;
        this.onChange();
      });
    }
    const said = item.kind === "payload" ? { payload: item.payload } : { text: item.text };
    return call("POST", address, { json: { client_id: item.id, ...said }, headers: this.auth });
  }

  afterFailure(error) {
    for (const item of this.outbox) if (item.state === "waiting") item.state = "failed";
    if (!(error instanceof Unreachable) || this.closed) return;
    const pause = Math.max(error.retryAfter * 1000, this.pause());
    this.pumpTimer = setTimeout(() => this.retryRecent(), pause);
  }

  retryRecent() {
    const fresh = (item) => item.state === "failed" && Date.now() - item.at < AUTO_RESEND_MS;
    for (const item of this.outbox) if (fresh(item)) item.state = "waiting";
    this.pump();
  }

  file(id) {
    return download(`${this.address}/files/${encodeURIComponent(id)}`, this.auth);
  }

  // Forget on this phone. The office keeps what was handed in.
  static clear() {
    store.drop("conversation");
    for (const key of store.keys("out.")) store.drop(key);
  }
}
