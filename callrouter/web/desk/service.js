// What is wrong with the service itself, as long as it is: what works, what does not, what to do.

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function both(chinese, foreign) {
  return make("p", {}, `${chinese} `, make("em", { lang: "en", textContent: foreign }));
}

function clock(instant) {
  return new Date(instant * 1000).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// For an agent: only what concerns them.
function forAgents() {
  return [both(
    "通话照常。数据库恢复前无法登录，请不要退出。",
    "Calls go on as usual. Signing in does not work until the database is back: do not sign out.",
  )];
}

function forSupervisors({ since, waiting, lost, reason }) {
  const at = clock(since);
  const parts = [
    both(
      `⚠ 记录数据库自 ${at} 起不可用。通话照常；记录暂存本机磁盘（${size(waiting)}），恢复后自动补写。`,
      `The records' database is away since ${at}. Calls go on; records wait on disk (${size(waiting)}) and are written by themselves when it is back.`,
    ),
    both(
      "此前历史通话、报表、留言和登录不可用，请勿退出。请运维检查：数据库是否运行，磁盘是否已满。",
      `Until then past calls, reports, messages and signing in do not work: do not sign out. Have the operator look whether the database runs and its disk has room. (${reason})`,
    ),
  ];
  if (lost) {
    parts.push(both(`已丢失 ${lost} 条记录：本机磁盘也已写满。`, `${lost} records are lost: this machine's disk is full, too.`));
  }
  return parts;
}

export function showService(box, notices, oversees) {
  const away = notices.find((one) => one.kind === "store_away");
  box.hidden = !away;
  box.className = oversees ? (away?.lost ? "lost" : "") : "small";
  box.replaceChildren(...(away ? (oversees ? forSupervisors(away) : forAgents()) : []));
}
