// The server's side of the desk: requests, and the live state kept up to date.

const TOKEN = "callrouter-token";
const NOT_SIGNED_IN = 4401;
const BACK_OFF = [500, 1000, 2000, 5000];
const SILENCE = 40000; // the server speaks at least every 15 s

export class Problem extends Error {
  constructor(document) {
    super(document.detail || document.title || "error");
    this.reason = document.reason || "";
    this.status = document.status || 0;
  }
}

export class Server extends EventTarget {
  constructor() {
    super();
    this.token = sessionStorage.getItem(TOKEN) || "";
    this.seats = new Map();
    this.queues = new Map();
    this.calls = new Map();
    this.notices = []; // what is so of the service itself
    this.ahead = 0; // of the server's clock before ours, in seconds
    this.up = false;
    this.tries = 0;
  }

  now() {
    return Date.now() / 1000 + this.ahead;
  }

  async request(method, path, body) {
    const reply = await this.ask(method, path, body);
    return reply.status === 204 ? null : reply.json();
  }

  async blob(path) {
    return (await this.ask("GET", path)).blob();
  }

  // A good reply; everything else is a Problem.
  async ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let reply;
    try {
      reply = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new Problem({ detail: "服务器无应答 · the server does not answer", reason: "unreachable" });
    }
    if (reply.ok) return reply;
    const answer = await reply.json().catch(() => ({ detail: `HTTP ${reply.status}`, status: reply.status }));
    if (reply.status === 401 && path !== "/sign-in") this.forget();
    throw new Problem(answer);
  }

  async signIn(user, password) {
    const session = await this.request("POST", "/sign-in", { user, password });
    this.token = session.token;
    sessionStorage.setItem(TOKEN, this.token);
    return session.me;
  }

  async signOut() {
    try {
      await this.request("POST", "/sign-out");
    } finally {
      this.forget();
    }
  }

  forget() {
    this.token = "";
    sessionStorage.removeItem(TOKEN);
    this.close();
    this.tell("signed-out");
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  connect() {
    this.close();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ token: this.token }));
    socket.onmessage = (event) => {
      if (socket === this.socket) this.receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code);
    };
    this.watch();
  }

  close() {
    clearTimeout(this.again);
    clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    this.up = false;
  }

  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(0), SILENCE);
  }

  lost(code) {
    this.close();
    this.tell("link");
    if (code === NOT_SIGNED_IN) {
      this.forget();
      return;
    }
    const pause = BACK_OFF[Math.min(this.tries++, BACK_OFF.length - 1)];
    this.again = setTimeout(() => this.connect(), pause);
  }

  receive(message) {
    this.watch();
    this.ahead = message.at - Date.now() / 1000;
    if (message.type === "alive") return;
    if (message.type === "snapshot") {
      for (const views of [this.seats, this.queues, this.calls]) views.clear();
      this.tries = 0;
      this.up = true;
      this.tell("link");
    }
    if (message.notices) {
      this.notices = message.notices;
      this.tell("notices");
    }
    for (const seat of message.seats) this.seats.set(seat.seat, seat);
    for (const queue of message.queues) this.queues.set(queue.queue, queue);
    for (const call of message.calls) this.calls.set(call.call, call);
    for (const call of message.ended) this.calls.delete(call);
    this.tell("change");
  }
}
