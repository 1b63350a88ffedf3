// One live line to the service: a WebSocket that comes back by itself, and polling while it is away.
// Every frame and every poll goes to the owner, which drops what it has seen; so nothing is lost by having both.

const POLL_MS = 3000;
const POLL_HIDDEN_MS = 30000;
const SAFETY_POLL_MS = 60000; // a socket can be dead without either side knowing
const OPEN_MS = 10000;
const BACKOFF_MS = [500, 1000, 2000, 5000, 10000, 20000, 30000];

export class LiveLine {
  // open(): a new WebSocket. poll(): promise, rejects when the service cannot be reached. onFrame(object).
  // onState("live" | "polling" | "offline").
  constructor({ open, poll, onFrame, onState }) {
    Object.assign(this, { open, poll, onFrame, onState });
    this.stopped = true;
    this.socket = null;
    this.pollTimer = null;
    this.failures = 0;
    this.kick = this.kick.bind(this);
    this.wentOffline = () => this.onState("offline");
    this.seen = () => {
      if (document.visibilityState === "visible") this.kick();
    };
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    addEventListener("online", this.kick);
    addEventListener("offline", this.wentOffline);
    document.addEventListener("visibilitychange", this.seen);
    this.connect();
    this.pollSoon(0);
  }

  stop() {
    this.stopped = true;
    removeEventListener("online", this.kick);
    removeEventListener("offline", this.wentOffline);
    document.removeEventListener("visibilitychange", this.seen);
    clearTimeout(this.retryTimer);
    clearTimeout(this.pollTimer);
    this.pollTimer = null;
    if (this.socket) this.socket.close();
    this.socket = null;
  }

  // Look now: the network came back, or the page was brought to the front.
  kick() {
    if (this.stopped) return;
    this.failures = 0;
    if (!this.socket) this.connect();
    this.pollSoon(0);
  }

  get live() {
    return Boolean(this.socket && this.socket.readyState === WebSocket.OPEN);
  }

  connect() {
    clearTimeout(this.retryTimer);
    let socket;
    try {
      socket = this.open();
    } catch {
      this.again();
      return;
    }
    this.socket = socket;
    const openTimer = setTimeout(() => socket.close(), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(openTimer);
      this.failures = 0;
      this.onState("live");
    };
    socket.onmessage = (event) => this.onFrame(JSON.parse(event.data));
    socket.onclose = () => {
      clearTimeout(openTimer);
      if (this.socket !== socket || this.stopped) return;
      this.socket = null;
      this.again();
      this.pollSoon(0);
    };
  }

  again() {
    const base = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)];
    this.failures += 1;
    // Spread out: after a restart of the service all phones would otherwise come back in the same second.
    this.retryTimer = setTimeout(() => this.connect(), base * (0.75 + Math.random() / 2));
  }

  // Ask within `delay` ms. The earliest wish stands: neither the next regular look nor a stream of hints puts it off.
  pollSoon(delay) {
    if (this.stopped) return;
    const due = performance.now() + delay;
    if (this.pollTimer && this.pollDue <= due) return;
    clearTimeout(this.pollTimer);
    this.pollDue = due;
    this.pollTimer = setTimeout(() => this.pollNow(), delay);
  }

  async pollNow() {
    this.pollTimer = null;
    if (this.polling) {
      this.pollAgain = true; // the answer under way may be older than what was just asked for
      return;
    }
    this.polling = true;
    this.pollAgain = false;
    try {
      await this.poll();
      if (!this.stopped) this.onState(this.live ? "live" : "polling");
    } catch {
      if (!this.stopped && !this.live) this.onState("offline");
    } finally {
      this.polling = false;
    }
    if (this.stopped) return;
    if (this.pollAgain) this.pollSoon(0);
    else if (this.live) this.pollSoon(SAFETY_POLL_MS);
    else this.pollSoon(document.visibilityState === "hidden" ? POLL_HIDDEN_MS : POLL_MS);
  }
}

export function socketAddress(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}
