// What the page says, in both languages: [Chinese, English].

export const STATES = {
  logged_out: ["未登录", "logged out"],
  ready: ["就绪", "ready"],
  reserved: ["即将来电", "reserved"],
  ringing: ["振铃", "ringing"],
  talking: ["通话中", "talking"],
  consulting: ["咨询中", "consulting"],
  wrap_up: ["话后处理", "wrap-up"],
  not_ready: ["示忙", "not ready"],
};

export const ACTIVITIES = {
  ring: "振铃 ringing",
  talk: "通话 talking",
  hold: "保持 on hold",
  consult: "咨询 consulting",
  conference: "三方 three-party",
  flow: "语音导航 flow",
  queue: "排队 queue",
  wrap_up: "话后 wrap-up",
};

export const TRANSFERS = {
  seeking: ["正在接通", "reaching"],
  ringing: ["对方振铃", "ringing"],
  consulting: ["正在咨询", "consulting"],
  conference: ["三方通话", "three-party"],
  blonde: ["已转出,对方振铃", "handed over, ringing"],
  returned: ["已取回", "returned"],
  completed: ["已转出", "handed over"],
  requeued: ["重新排队", "in line again"],
  abandoned: ["来电人已挂机", "caller left"],
};

// Why no caller can be handed to a line now.
export const REFUSALS = {
  closed: ["未开放", "closed"],
  line_full: ["占满", "full"],
  line_down: ["不通", "down"],
};
const UNDER_WAY = ["seeking", "ringing", "consulting", "conference", "blonde"];

export function underWay(call) {
  const state = call?.transfer_state || "";
  return UNDER_WAY.includes(state) ? state : "";
}

export function onHold(leg) {
  return leg?.activity === "hold";
}

// Where the transfer stands, as the one at this seat is in it: who hears whom, and what comes next.
export function situation(seat, call, named) {
  const target = named(call.transfer_target);
  const caller = call.legs.find((leg) => leg.role === "caller");
  const state = underWay(call);
  if (state === "blonde") return [`${target} 振铃,来电人听回铃音`, `${target} rings; the caller hears ringing and waits for it`];
  if (call.transfer_by !== seat?.seat) return ofColleague(state, named(call.transfer_by ?? ""), caller);
  if (state === "conference") return [`三方通话:来电人、您、${target}`, `three-party: the caller, you and ${target}`];
  if (state !== "consulting" && !onHold(caller)) return [`正在呼叫 ${target},您与来电人仍在通话`, `calling ${target}; you and the caller stay together`];
  if (state !== "consulting") return [`正在呼叫 ${target},来电人听音乐`, `calling ${target}; the caller hears music`];
  if (onHold(caller)) return [`您正与 ${target} 通话,来电人听音乐`, `you speak with ${target}; the caller hears music`];
  return [`您正与来电人通话,${target} 听音乐`, `you speak with the caller; ${target} hears music`];
}

function ofColleague(state, by, caller) {
  if (state === "conference") return [`${by} 邀您三方通话,对方离开后由您继续`, `three-party with ${by}: when they leave, the caller stays with you`];
  if (state !== "consulting") return [`${by} 请您协助`, `${by} asks for your help`];
  if (onHold(caller)) return [`${by} 正在向您咨询,来电人听不到`, `${by} consults you; the caller hears music and joins you when they hand over`];
  return [`${by} 正与来电人通话,您请稍候`, `${by} has gone back to the caller for a word: please wait`];
}

// What putting the receiver down comes to.
export function hangUp(seat, call) {
  const state = underWay(call);
  if (!state || !seat) return ["挂机", "Hang up"];
  if (call.transfer_by !== seat.seat) return ["离开", "Leave the call"];
  if (state === "conference") return ["离开,其余继续", "Leave them together"];
  return ["挂机并转出", "Hang up and hand over"];
}
