// The desk page: shows the live state, turns clicks and keys into requests.

import { Server } from "/live.js";
import { Messages } from "/messages.js";

const STATES = {
  logged_out: ["未登录", "logged out"],
  ready: ["就绪", "ready"],
  reserved: ["即将来电", "reserved"],
  ringing: ["振铃", "ringing"],
  talking: ["通话中", "talking"],
  consulting: ["咨询中", "consulting"],
  wrap_up: ["话后处理", "wrap-up"],
  not_ready: ["示忙", "not ready"],
};
const ACTIVITIES = {
  ring: "振铃 ringing",
  talk: "通话 talking",
  hold: "保持 on hold",
  consult: "咨询 consulting",
  conference: "三方 three-party",
  flow: "语音导航 flow",
  queue: "排队 queue",
  wrap_up: "话后 wrap-up",
};
const TRANSFERS = {
  seeking: ["正在接通", "reaching"],
  ringing: ["对方振铃", "ringing"],
  consulting: ["正在咨询", "speaking with"],
  conference: ["三方通话", "three-party with"],
  blonde: ["已转出,对方振铃", "handed over, ringing"],
};
const KINDS = { emergency: "紧急 Emergency", hotline: "热线 Lines", prefecture: "市州 Prefectures" };
const STANDARD_WAIT = 15; // seconds within which a caller is to be answered

const server = new Server();
const $ = (id) => document.getElementById(id);
const messages = new Messages(server, $("messages"), notice);
let me = null;

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function english(text) {
  return make("em", { lang: "en", textContent: text });
}

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
}

// A <time> that counts by itself: up from `since`, or down to `until`.
function counting(element, since, until) {
  element.dataset.since = since ?? "";
  element.dataset.until = until ?? "";
  tick(element);
  return element;
}

function tick(element) {
  const { since, until } = element.dataset;
  if (until) element.textContent = `−${span(until - server.now())}`;
  else element.textContent = since ? span(server.now() - since) : "";
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[data-since]")) tick(element);
}, 500);

// --- what is mine ---

function mySeat() {
  return [...server.seats.values()].find((seat) => me?.agent && seat.agent === me.agent);
}

function myCall(seat) {
  if (!seat) return undefined;
  const own = server.calls.get(seat.call);
  if (own) return own;
  const atSeat = (leg) => leg.role === "seat" && leg.party === seat.seat;
  return [...server.calls.values()].find((call) => call.seat === seat.seat || call.legs.some(atSeat));
}

function onHold(seat, call) {
  return call.legs.some((leg) => leg.activity === "hold" && (leg.role === "caller" || leg.party === seat.seat));
}

// What the seat may ask of a transfer that is under way, by its state; in all other states it is over, and none is.
const IN_TRANSFER = {
  seeking: ["cancel"],
  ringing: ["complete", "cancel"],
  consulting: ["complete", "swap", "three-party", "cancel"],
  conference: ["complete", "cancel"],
  blonde: [],
};
const MOST_PARTIES = 4; // in one call, the caller among them

function underWay(call) {
  const state = (call?.transfer_state || "").toLowerCase();
  return state in IN_TRANSFER ? state : "";
}

// Which deeds the present state allows. The server decides; this only spares vain clicks.
function allowed(seat, call) {
  const deeds = new Set();
  if (!seat) return deeds;
  const state = seat.state;
  if (["not_ready", "wrap_up"].includes(state)) deeds.add("ready");
  if (["ready", "not_ready", "wrap_up"].includes(state)) deeds.add("not-ready");
  deeds.add("sign-out");
  if (["reserved", "ringing"].includes(state)) deeds.add("answer").add("decline");
  if (["talking", "consulting"].includes(state)) deeds.add("hang-up");
  const transfer = underWay(call);
  if (call && state === "talking" && !transfer) {
    deeds.add(onHold(seat, call) ? "resume" : "hold");
    deeds.add("transfer");
  }
  for (const deed of IN_TRANSFER[transfer] || []) deeds.add(`transfer/${deed}`);
  if (transfer === "conference" && call.legs.length < MOST_PARTIES) deeds.add("transfer");
  if (state === "wrap_up") deeds.add("wrap-up/finish").add("wrap-up/extend");
  return deeds;
}

// --- showing ---

function show() {
  if (!me) return;
  const seat = mySeat();
  const call = myCall(seat);
  const deeds = allowed(seat, call);
  showSeat(seat);
  showCall(seat, call, deeds);
  for (const button of document.querySelectorAll("[data-deed]")) button.disabled = !deeds.has(button.dataset.deed);
  for (const button of $("lines").querySelectorAll("button")) button.disabled = !deeds.has("transfer");
  $("other").querySelector("button").disabled = !deeds.has("transfer");
  showQueues();
  showSeats(seat);
  showCalls();
}

function label(box, [chinese, foreign]) {
  box.querySelector("b").textContent = chinese;
  box.querySelector("em").textContent = foreign;
}

function showSeat(seat) {
  $("choose").hidden = Boolean(seat);
  $("seat").hidden = !seat;
  if (!seat) {
    const free = me.seats.map((id) => server.seats.get(id)).filter((view) => view && !view.agent);
    const buttons = free.map((view) => {
      const button = make("button", { type: "button" }, make("b", { textContent: view.seat }), view.name);
      button.onclick = () => act(view.seat, "sign-in");
      return button;
    });
    replace($("choices"), buttons.length ? buttons : [make("p", { textContent: "没有空闲座席 · no free seat" })]);
    return;
  }
  const box = $("state");
  box.className = `state ${seat.state}`;
  label(box, STATES[seat.state] || [seat.state, ""]);
  if (seat.reason) box.querySelector("em").textContent += ` · ${seat.reason}`;
  counting(box.querySelector("time"), seat.since, seat.until);
  const phone = seat.reachable ? "话机在线 phone up" : "⚠ 话机离线 phone away";
  $("seat-facts").textContent = `${seat.seat} ${seat.name} · ${phone} · ${seat.queues.join(" ")}`;
  $("seat-facts").classList.toggle("late", !seat.reachable);
}

function showCall(seat, call, deeds) {
  const ringing = seat && ["reserved", "ringing"].includes(seat.state);
  $("no-call").hidden = Boolean(call || ringing);
  $("card").hidden = !call;
  $("call-deeds").hidden = !call && !ringing;
  for (const button of $("call-deeds").children) {
    const deed = button.dataset.deed;
    if (deed === "resume") button.hidden = !deeds.has("resume");
    if (deed === "hold") button.hidden = deeds.has("resume");
    if (["answer", "decline"].includes(deed)) button.hidden = !ringing;
  }
  $("wrap-up").hidden = seat?.state !== "wrap_up";
  $("in-transfer").hidden = !underWay(call);
  if (!call) return;
  $("caller").textContent = call.caller || "匿名 withheld";
  counting($("call-age"), call.ingress);
  const facts = [`拨打 ${call.dialled}`, call.queue && `队列 ${call.queue}`, `语言 ${call.language}`, call.flow];
  $("call-facts").textContent = facts.filter(Boolean).join(" · ");
  showStory(call);
  replace($("legs"), call.legs.map((leg) => {
    const who = [leg.role === "caller" ? "来电人 caller" : leg.party, ACTIVITIES[leg.activity] || leg.activity];
    return make("li", {}, who.join(" — "), counting(make("time"), leg.since));
  }));
  if (underWay(call)) {
    const [chinese, foreign] = TRANSFERS[underWay(call)];
    label($("transfer-state"), [`${chinese} ${call.transfer_target}`, `${foreign} ${call.transfer_target}`]);
  }
}

// Whatever the caller would else have to be asked, and what a partner without a screen is told by voice.
function showStory(call) {
  const { from, visited, call: theirs } = call.context;
  const path = visited ? `(${visited.replaceAll(",", " → ")})` : "";
  const rows = [
    ["来自 from", [from, path, theirs && `№ ${theirs}`].filter(Boolean).join(" ")],
    ["属地 organisation", call.organisation],
    ["等候 waited", call.answered === null ? "" : span(call.answered - call.ingress)],
    ["导航 way", wayOf(call.call).map((step) => `${step.node}: ${step.branch}`).join(" → ")],
    ["说明 note", call.note],
    ["通话编号 call", call.call],
  ];
  replace($("story"), rows.filter(([, text]) => text).map(([name, text]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: text }))));
}

const ways = new Map(); // of the present call: live changes don't carry it

function wayOf(call) {
  if (!ways.has(call)) {
    ways.clear();
    ways.set(call, []);
    server.request("GET", `/calls/${encodeURIComponent(call)}`).then((found) => {
      ways.set(call, found.live?.trace ?? []);
      show();
    }, (problem) => notice(problem.message));
  }
  return ways.get(call);
}

function showQueues() {
  replace($("queue-list"), [...server.queues.values()].map((queue) => {
    const late = queue.longest_since && server.now() - queue.longest_since > STANDARD_WAIT;
    const waiting = make("span", { className: `big ${late ? "late" : queue.waiting ? "waiting" : ""}` }, String(queue.waiting));
    const longest = counting(make("time"), queue.longest_since);
    const closed = queue.open === (queue.changes !== null && server.now() >= queue.changes);
    const rate = queue.offered ? `${((100 * queue.answered) / queue.offered).toFixed(1)}%` : "–";
    return make("div", { className: "queue" },
      make("p", {}, make("span", { textContent: (queue.name || queue.queue) + (closed ? " · 未开放" : "") }), make("span", {}, waiting, " 等待 ", english("waiting"))),
      make("p", {}, make("small", {}, `就绪 ${queue.ready} · 忙 ${queue.busy} · 在席 ${queue.staffed}`), make("small", {}, queue.longest_since ? "最久 " : "", longest)),
      make("p", {}, make("small", {}, `今日 ${queue.answered}/${queue.offered} · answer_rate ${rate}`), make("small", {}, `放弃 ${queue.abandoned}`)));
  }));
}

function showSeats(own) {
  const seats = [...server.seats.values()];
  const order = Object.keys(STATES);
  seats.sort((a, b) => (a.state === "logged_out") - (b.state === "logged_out")
    || a.seat.localeCompare(b.seat, undefined, { numeric: true }));
  const ready = seats.filter((seat) => seat.state === "ready").length;
  $("seats-count").textContent = `${ready}/${seats.filter((seat) => seat.state !== "logged_out").length}`;
  $("seats-count").title = "就绪/在席 ready/signed in";
  replace($("seat-list"), seats.map((seat) => {
    const [chinese, foreign] = STATES[seat.state] || [seat.state, ""];
    const name = make("span", {}, `${seat.seat} ${seat.name}${seat === own ? " ★" : ""}`);
    const state = make("span", {}, chinese, " ", english(seat.reason ? `${foreign} · ${seat.reason}` : foreign));
    return make("li", { className: order.includes(seat.state) ? seat.state : "" }, name, state,
      counting(make("time"), seat.since));
  }));
}

function showCalls() {
  if ($("calls").hidden) return;
  const calls = [...server.calls.values()].sort((a, b) => a.ingress - b.ingress);
  $("calls-count").textContent = calls.length;
  replace($("call-rows"), calls.map((call) => {
    const late = call.answered === null && server.now() - call.ingress > STANDARD_WAIT;
    const age = counting(make("time", { className: late ? "late" : "" }), call.ingress);
    const where = call.place ? `${call.owner} ${call.queue ?? ""} #${call.place}` : `${call.owner} ${call.node}`;
    const transfer = call.transfer_state ? `${call.transfer_state} → ${call.transfer_target}` : "";
    return make("tr", {}, ...[call.caller || "匿名", call.dialled, age, where, call.seat ?? "", transfer]
      .map((cell) => make("td", {}, cell)));
  }));
}

// Only what differs is exchanged, so that focus and scrolling stay.
function replace(parent, children) {
  const before = [...parent.children];
  children.forEach((child, place) => {
    if (!before[place]) parent.append(child);
    else if (!same(before[place], child)) before[place].replaceWith(child);
  });
  for (const extra of before.slice(children.length)) extra.remove();
}

function same(a, b) {
  if (a.onclick || b.onclick) return a.textContent === b.textContent && a.className === b.className;
  return a.isEqualNode(b);
}

async function showLines() {
  const lines = await server.request("GET", "/lines");
  const groups = Object.entries(KINDS).map(([kind, title]) => [title, kind, lines.filter((line) => line.kind === kind)]);
  $("lines").replaceChildren(...groups.filter(([, , found]) => found.length).flatMap(([title, kind, found]) => {
    const keys = found.map((line) => {
      const button = make("button", { type: "button", disabled: true }, make("b", { textContent: line.number }), line.name);
      button.onclick = () => transfer(line.number, "consult");
      return button;
    });
    return [make("h3", { textContent: title }), make("div", { className: `keys ${kind}` }, ...keys)];
  }));
}

// --- doing ---

let noticeEnds;

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
  clearTimeout(noticeEnds);
  if (text) noticeEnds = setTimeout(() => notice(""), 8000);
}

async function act(seat, deed, body) {
  try {
    await server.request("POST", `/seats/${encodeURIComponent(seat)}/${deed}`, body);
    notice("");
  } catch (problem) {
    notice(`${problem.message}${problem.reason ? ` (${problem.reason})` : ""}`);
  }
}

function transfer(target, kind) {
  const seat = mySeat();
  if (!seat) return;
  act(seat.seat, "transfer", { target, kind, note: $("note").value });
  $("note").value = "";
}

function perform(deed) {
  const seat = mySeat();
  if (!seat || !allowed(seat, myCall(seat)).has(deed)) return;
  if (deed === "not-ready") act(seat.seat, deed, { reason: $("reason").value });
  else if (deed === "wrap-up/finish") finishWrapUp();
  else act(seat.seat, deed);
}

async function finishWrapUp() {
  const seat = mySeat();
  const field = $("wrap-up").elements.disposition;
  if (!seat) return;
  await act(seat.seat, "wrap-up/finish", { disposition: field.value });
  field.value = "";
}

const KEYS = {
  r: "ready", n: "not-ready", a: "answer", d: "decline", e: "hang-up", c: "transfer/complete",
  3: "transfer/three-party", w: "transfer/swap", x: "transfer/cancel", f: "wrap-up/finish",
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !me) return;
  if (event.target.closest("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = event.key.toLowerCase();
  if (key === "t" && !$("transfer").hidden) $("other").elements.target.focus();
  else if (key === "h") perform(allowed(mySeat(), myCall(mySeat())).has("resume") ? "resume" : "hold");
  else if (KEYS[key]) perform(KEYS[key]);
  else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("[data-deed]")) button.onclick = () => perform(button.dataset.deed);

$("wrap-up").onsubmit = (event) => {
  event.preventDefault();
  finishWrapUp();
};

$("other").onsubmit = (event) => {
  event.preventDefault();
  const { target, blind } = event.target.elements;
  transfer(target.value, blind.checked ? "blind" : "consult");
  event.target.reset();
};

// --- coming and going ---

$("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const { user, password } = event.target.elements;
  try {
    enter(await server.signIn(user.value, password.value));
    notice("");
  } catch (problem) {
    notice(problem.message);
  }
  password.value = "";
};

$("sign-out").onclick = () => server.signOut().catch((problem) => notice(problem.message));

function enter(user) {
  me = user;
  const works = Boolean(user.agent);
  const oversees = user.roles.some((role) => role !== "agent");
  $("who").textContent = `${user.display} · ${user.roles.join(" ")}`;
  $("sign-in").hidden = true;
  $("sign-out").hidden = $("desk").hidden = false;
  for (const id of ["work", "mine", "call", "transfer"]) $(id).hidden = !works;
  $("calls").hidden = !oversees;
  if (oversees) messages.begin(user);
  $("desk").classList.toggle("overseer", !works);
  if (works) showLines().catch((problem) => notice(problem.message));
  server.connect();
}

function leave() {
  me = null;
  messages.end();
  $("who").textContent = "";
  $("sign-in").hidden = false;
  $("sign-out").hidden = $("desk").hidden = true;
  $("sign-in").elements.user.focus();
}

server.addEventListener("change", show);
server.addEventListener("signed-out", leave);
server.addEventListener("link", () => {
  $("link").className = `link ${server.up ? "up" : "down"}`;
  const text = server.up ? ["已连接 ", english("online")] : ["未连接 ", english("offline")];
  $("link").querySelector("span").replaceChildren(...text);
});

if (server.token) server.request("GET", "/me").then(enter, leave);
else leave();
