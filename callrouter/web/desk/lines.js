// The keys: who is one key away today, and whether anybody can be handed there now.

import { REFUSALS } from "/words.js";

const KINDS = { emergency: "紧急 Emergency", hotline: "热线 Lines", prefecture: "市州 Prefectures" };
const EVERY = 30000;

export class Lines {
  // `pressed` is told the number.
  constructor(server, box, pressed) {
    this.server = server;
    this.box = box;
    this.pressed = pressed;
    this.keys = new Map();
    this.names = new Map();
    this.open = false;
  }

  // The directory changes while people work, and lines come and go.
  begin() {
    this.end();
    this.timer = setInterval(() => this.refresh().catch(() => this.unknown()), EVERY);
    return this.refresh();
  }

  end() {
    clearInterval(this.timer);
  }

  async refresh() {
    const lines = await this.server.request("GET", "/lines/health");
    const same = lines.length === this.names.size && lines.every((line) => this.names.get(line.number) === line.name);
    if (!same) this.build(lines);
    for (const line of lines) this.mark(this.keys.get(line.number), line.refusal);
  }

  build(lines) {
    this.names = new Map(lines.map((line) => [line.number, line.name]));
    this.keys = new Map(lines.map((line) => [line.number, this.key(line)]));
    this.box.replaceChildren(...Object.entries(KINDS).flatMap(([kind, title]) => {
      const found = lines.filter((line) => line.kind === kind).map((line) => this.keys.get(line.number));
      if (!found.length) return [];
      const heading = Object.assign(document.createElement("h3"), { textContent: title });
      const keys = Object.assign(document.createElement("div"), { className: `keys ${kind}` });
      keys.append(...found);
      return [heading, keys];
    }));
  }

  key(line) {
    const button = Object.assign(document.createElement("button"), { type: "button", disabled: !this.open });
    const number = Object.assign(document.createElement("b"), { textContent: line.number });
    button.append(number, line.name, document.createElement("small"));
    button.onclick = () => this.pressed(line.number);
    return button;
  }

  // Why the server would refuse now; it is asked all the same when the key is pressed.
  mark(button, refusal) {
    button.classList.toggle("shut", Boolean(refusal));
    button.querySelector("small").textContent = refusal ? (REFUSALS[refusal] ?? [refusal]).join(" ") : "";
  }

  unknown() {
    for (const button of this.keys.values()) this.mark(button, "");
  }

  enable(open) {
    this.open = open;
    for (const button of this.keys.values()) button.disabled = !open;
  }
}
