// The desk page: shows the live state, turns clicks and keys into requests.

import { Server } from "/live.js";
import { Lines } from "/lines.js";
import { Messages } from "/messages.js";
import { showService } from "/service.js";
import { ACTIVITIES, STATES, TRANSFERS, hangUp, situation, underWay } from "/words.js";

const STANDARD_WAIT = 15; // seconds within which a caller is to be answered

const server = new Server();
const $ = (id) => document.getElementById(id);
const messages = new Messages(server, $("messages"), notice);
const lines = new Lines(server, $("lines"), (number) => transfer(number, "consult"));
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

// What the server says may be asked now: of the seat, and of its call by whoever sits there.
function allowed(seat, call) {
  const mine = call?.legs.filter((leg) => leg.role === "seat" && leg.party === seat?.seat) ?? [];
  return new Set([...(seat?.deeds ?? []), ...mine.flatMap((leg) => leg.deeds)]);
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
  lines.enable(deeds.has("transfer"));
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
  const away = ["not_ready", "wrap_up"].includes(seat.state);
  document.querySelector("[data-deed=ready]").classList.toggle("main", away);
  const next = STATES[seat.next_state];
  $("next").hidden = !next;
  if (next) label($("next"), [`通话后:${next[0]}`, `after this call: ${next[1]}`]);
  const phone = seat.reachable ? "话机在线 phone up" : "⚠ 话机离线 phone away";
  $("seat-facts").textContent = `${seat.seat} ${seat.name} · ${phone} · ${seat.queues.join(" ")}`;
  $("seat-facts").classList.toggle("late", !seat.reachable);
}

function showCall(seat, call, deeds) {
  const ringing = seat && ["reserved", "ringing"].includes(seat.state);
  const transfer = underWay(call);
  $("no-call").hidden = Boolean(call || ringing);
  $("card").hidden = $("more").hidden = !call;
  $("call-deeds").hidden = !call && !ringing;
  for (const button of $("call-deeds").children) {
    const deed = button.dataset.deed;
    if (deed === "resume") button.hidden = !deeds.has("resume");
    if (deed === "hold") button.hidden = deeds.has("resume") || Boolean(transfer);
    if (["answer", "decline"].includes(deed)) button.hidden = !ringing;
    if (deed === "hang-up") label(button, hangUp(seat, call));
  }
  $("wrap-up").hidden = seat?.state !== "wrap_up";
  $("in-transfer").hidden = !transfer;
  $("hand-over").hidden = call?.transfer_by !== seat?.seat;
  if (!call) return;
  $("caller").textContent = call.caller || "匿名 withheld";
  counting($("call-age"), call.ingress);
  const facts = [`拨打 ${call.dialled}`, call.queue && `队列 ${call.queue}`, `语言 ${call.language}`, call.flow];
  $("call-facts").textContent = facts.filter(Boolean).join(" · ");
  showStory(call);
  replace($("legs"), call.legs.map((leg) => {
    const who = [leg.role === "caller" ? "来电人 caller" : named(leg.party), ACTIVITIES[leg.activity] || leg.activity];
    return make("li", {}, who.join(" — "), counting(make("time"), leg.since));
  }));
  if (transfer) label($("transfer-state"), situation(seat, call, named));
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
    const [chinese, foreign] = TRANSFERS[call.transfer_state] || ["", ""];
    const transfer = chinese && make("span", {}, `${chinese} → ${call.transfer_target} `, english(foreign));
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

// A seat or a line with its name, as people know it.
function named(code) {
  const name = server.seats.get(code)?.name ?? lines.names.get(code);
  return name ? `${code} ${name}` : code;
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
  if (works) lines.begin().catch((problem) => notice(problem.message));
  server.connect();
}

function leave() {
  me = null;
  messages.end();
  lines.end();
  showService($("service"), [], false);
  $("who").textContent = "";
  $("sign-in").hidden = false;
  $("sign-out").hidden = $("desk").hidden = true;
  $("sign-in").elements.user.focus();
}

server.addEventListener("change", show);
server.addEventListener("signed-out", leave);
server.addEventListener("notices", () => {
  const oversees = Boolean(me?.roles.some((role) => role !== "agent"));
  showService($("service"), me ? server.notices : [], oversees);
});
server.addEventListener("link", () => {
  $("link").className = `link ${server.up ? "up" : "down"}`;
  const text = server.up ? ["已连接 ", english("online")] : ["未连接 ", english("offline")];
  $("link").querySelector("span").replaceChildren(...text);
});

if (server.token) server.request("GET", "/me").then(enter, leave);
else leave();
