// Messages that callers have left, for who oversees: heard, marked, deleted.

const EVERY = 30000;
const AT_MOST = 50;

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function both(chinese, foreign) {
  return [`${chinese} `, make("em", { lang: "en", textContent: foreign })];
}

function moment(instant) {
  const options = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false };
  return new Date(instant * 1000).toLocaleString("zh-CN", options);
}

export class Messages {
  constructor(server, section, notice) {
    this.server = server;
    this.section = section;
    this.rows = section.querySelector("tbody");
    this.player = section.querySelector("audio");
    this.notice = notice;
    this.sound = "";
    this.player.onended = () => this.heard(this.playing);
  }

  begin(user) {
    this.mayChange = user.roles.includes("supervisor");
    this.mayHear = this.mayChange || user.roles.includes("auditor");
    this.section.hidden = false;
    this.load();
    this.again = setInterval(() => this.load(), EVERY);
  }

  end() {
    clearInterval(this.again);
    this.section.hidden = true;
    this.stop();
    this.rows.replaceChildren();
  }

  async load() {
    try {
      const { messages } = await this.server.request("GET", `/voicemails?limit=${AT_MOST}`);
      this.show(messages);
    } catch (problem) {
      // While the store is away, its banner says all.
      if (!this.server.notices.length) this.notice(problem.message);
    }
  }

  show(messages) {
    const fresh = messages.filter((one) => one.heard === null && one.erased === null).length;
    this.section.querySelector("small").textContent = messages.length ? `${fresh}/${messages.length}` : "";
    this.section.querySelector("table").hidden = !messages.length;
    this.section.querySelector(".quiet").hidden = Boolean(messages.length);
    this.rows.replaceChildren(...messages.map((one) => this.row(one)));
  }

  row(one) {
    const gone = one.erased !== null;
    const heard = one.heard === null ? both("新", "new") : [`${moment(one.heard)} ${one.heard_by ?? ""}`];
    const state = gone ? both(`应本人要求已删除 ${moment(one.erased)}`, `erased on request by ${one.erased_by}`) : heard;
    const deeds = [];
    if (this.mayHear && !gone) deeds.push(this.button("播放", "Play", () => this.play(one.id)));
    if (this.mayChange && !gone && one.heard !== null) deeds.push(this.button("标为新", "New", () => this.mark(one.id, false)));
    if (this.mayChange) deeds.push(this.button("删除", "Delete", () => this.remove(one.id)));
    const cells = [one.mailbox, moment(one.received), one.number || "匿名", `${Math.round(one.seconds)} s`]
      .map((text) => make("td", {}, text));
    return make("tr", { className: one.heard === null && !gone ? "fresh" : "" }, ...cells,
      make("td", {}, ...state), make("td", { className: "acts" }, ...deeds));
  }

  button(chinese, foreign, deed) {
    return make("button", { type: "button", onclick: () => this.attempt(deed) }, ...both(chinese, foreign));
  }

  async attempt(deed) {
    try {
      await deed();
      this.notice("");
    } catch (problem) {
      this.notice(problem.message);
    }
  }

  async play(id) {
    const blob = await this.server.blob(`/voicemails/${encodeURIComponent(id)}/sound`);
    this.stop();
    this.sound = URL.createObjectURL(blob);
    this.playing = id;
    this.player.src = this.sound;
    this.player.hidden = false;
    await this.player.play();
  }

  stop() {
    this.player.pause();
    this.player.removeAttribute("src");
    this.player.hidden = true;
    if (this.sound) URL.revokeObjectURL(this.sound);
    this.sound = "";
  }

  // Heard to its end: an auditor leaves no mark.
  heard(id) {
    if (this.mayChange) this.attempt(() => this.mark(id, true));
  }

  async mark(id, heard) {
    await this.server.request("PUT", `/voicemails/${encodeURIComponent(id)}/heard`, { heard });
    await this.load();
  }

  async remove(id) {
    if (!confirm("删除这条留言？无法恢复。 · Delete this message for ever?")) return;
    if (this.playing === id) this.stop();
    await this.server.request("DELETE", `/voicemails/${encodeURIComponent(id)}`);
    await this.load();
  }
}
