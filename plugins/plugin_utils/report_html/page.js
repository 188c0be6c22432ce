"use strict";
/* Shows the document of a run. All texts in it were chosen by somebody on a host: they only ever become text nodes. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);

  const WORDS = {
    right: "right", accepted: "accepted", wrong: "wrong", idle: "not running", no_data: "no data", done: "done",
    failed: "failed", refused: "refused", not_begun: "not begun", at_risk: "at risk",
    to_do: "to do",
  };
  const SIGNS = { right: "✓", accepted: "≈", wrong: "✗", idle: "–", no_data: "?" };
  const BAD = new Set(["failed", "refused", "wrong", "at_risk", "without", "slow", "tight"]);
  const MOST = 8; // findings that are shown at once, so that the hosts are not far below
  const ORDER = ["wrong", "no_data", "accepted", "idle", "right"];

  const number = (count) => count.toLocaleString("en");
  const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
  const percent = (part, whole) => {
    if (part === whole) return "100 %";
    const share = Math.floor((1000 * part) / whole) / 10; // never rounded up to what is not so
    return `${share} %`;
  };
  const utc = (time) => time.replace("T", " ").replace("Z", " UTC");
  const setting = (value) => (value === null ? "unknown" : value === true ? "on" : value === false ? "off" : value);

  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  function label(verdict) {
    return make("span", `label s-${verdict}`, (WORDS[verdict] || verdict).toUpperCase());
  }

  /* ---- Totals */

  function tiles(title, counts, keys, pressable) {
    const row = make("div", "tiles", make("b", "", title));
    for (const key of keys) {
      if (!counts[key]) continue;
      const tile = make(pressable ? "button" : "span", `tile s-${BAD.has(key) ? "wrong" : WORDS[key] ? key : "no_data"}`);
      tile.append(make("strong", "", number(counts[key])), ` ${WORDS[key] || key}`);
      if (pressable) {
        tile.type = "button";
        tile.dataset.show = key;
        tile.setAttribute("aria-pressed", "false");
        tile.addEventListener("click", () => choose(at("show").value === key ? "all" : key));
      }
      row.append(tile);
    }
    return row;
  }

  function totals() {
    const { hosts, units, audit } = data.totals;
    at("title").textContent = `keepalive: ${data.kind}${data.check_mode && data.kind !== "audit" ? " (a look that changed nothing)" : ""}`;
    at("about").textContent = `${utc(data.begun)} to ${utc(data.ended).slice(11)}, ${many(hosts.total, "host")}`;
    at("made").textContent = `Written by netops.keepalive ${data.collection}, ansible-core ${data.ansible}. This file asks no other for anything. What each word means, and what helps, stands in docs/reasons.md of the collection.`;
    const place = at("totals");
    const risk = audit ? audit.without + audit.slow + audit.tight : 0;
    const parts = [];
    if (hosts.failed) parts.push(`${many(hosts.failed, "host")} failed`);
    if (hosts.refused) parts.push(`${many(hosts.refused, "host")} refused`);
    if (units.wrong) parts.push(`${many(units.wrong, "unit")} wrong`);
    if (risk) parts.push(`${many(risk, "connection")} at risk`);
    const bad = parts.length > 0;
    if (hosts.no_data) parts.push(`${many(hosts.no_data, "host")} without data`);
    if (hosts.not_begun) parts.push(`${many(hosts.not_begun, "host")} not begun`);
    const state = bad ? "wrong" : parts.length || !data.complete ? "no_data" : "right";
    const sign = SIGNS[state];
    if (!data.complete) parts.push("the run has not told how it ended");
    place.append(make("p", `verdict s-${state}`, `${sign} ${parts.join(", ") || "Nothing is wrong"}`));
    if (units.total) {
      place.append(make("p", "", make("strong", "", `${number(units.right)} of ${number(units.total)}`), ` unit × host right (${percent(units.right, units.total)})`));
      const bar = make("div", "bar");
      bar.setAttribute("aria-hidden", "true");
      for (const verdict of ORDER) {
        if (!units[verdict]) continue;
        const part = make("i", `s-${verdict}`);
        part.style.flexGrow = units[verdict];
        bar.append(part);
      }
      place.append(bar, tiles("Units", units, ORDER, true));
    }
    if (audit) place.append(tiles("Connections", audit, ["without", "slow", "tight", "unknown", "right"], false));
    place.append(tiles("Hosts", hosts, ["failed", "refused", "no_data", "not_begun", "done"], false));
  }

  /* ---- Findings and changes */

  function counted(reasons) {
    return Object.entries(reasons).map(([reason, count]) => `${reason} × ${number(count)}`).join(", ");
  }

  function findings() {
    const place = at("wrong");
    if (!data.findings.length) place.append(make("p", "", "Nothing. What is right stands below."));
    for (const [index, each] of data.findings.entries()) {
      const node = make("div", `finding${BAD.has(each.verdict) ? " bad" : ""}`);
      const reasons = counted(each.reasons);
      const first = make("p", "", label(each.verdict), " ");
      if (each.unit) first.append(make("strong", "name", each.unit), ` on `);
      first.append(`${many(each.count, "host")}${reasons ? `: ${reasons}` : ""} `);
      if (each.verdict !== "at_risk") {
        const button = make("button", "", "show these");
        button.type = "button";
        button.addEventListener("click", () => narrow(each));
        first.append(button);
      }
      node.append(first, make("p", "name", each.hosts));
      for (const line of each.lines.slice(0, 6)) node.append(make("p", "lines", line));
      if (index >= MOST) node.hidden = true;
      place.append(node);
    }
    if (data.findings.length > MOST) {
      const button = make("button", "", `${number(data.findings.length - MOST)} more findings`);
      button.type = "button";
      button.addEventListener("click", () => {
        for (const node of place.querySelectorAll(".finding")) node.hidden = false;
        button.remove();
      });
      place.append(button);
    }
  }

  function changes() {
    const changed = data.changes;
    if (!changed) return;
    const place = at("changes");
    place.hidden = false;
    place.append(make("p", "", changed.summary));
    const groups = [["wrong", "newly wrong", changed.worse], ["right", "mended", changed.mended],
      ["accepted", "values", changed.values], ["idle", "other", changed.others]];
    for (const [look, title, found] of groups) {
      const nodes = found.map((each) => {
        const head = make("p", "", make("span", `label s-${look}`, title.toUpperCase()), ` ${each.said}`);
        return make("div", `finding${look === "wrong" ? " bad" : ""}`, head, make("p", "name", each.hosts));
      });
      const shown = title === "other" ? 0 : MOST;
      place.append(...nodes.slice(0, shown));
      if (nodes.length > shown) place.append(make("details", "", make("summary", "", `${number(nodes.length - shown)} more: ${title}`), ...nodes.slice(shown)));
    }
    for (const [title, hosts] of [["new hosts", changed.new], ["hosts not in this run", changed.gone]]) {
      if (hosts) place.append(make("div", "finding", make("p", "", make("span", "label s-idle", title.toUpperCase()), " ", make("span", "name", hosts))));
    }
  }

  /* ---- What is said of a cell, and of a host */

  const cellOf = ([unit, said, values, sockets, right = sockets, wrong = 0, unknown = 0]) =>
    ({ unit: data.units[unit], said: data.said[said], values: data.values[values], sockets, right, wrong, unknown });

  /* What an entry says of its options; those that only few set are told where they are set. */
  function tcpInWords(tcp) {
    const usual = ["keepidle", "keepintvl", "keepcnt", "user_timeout"];
    return Object.entries(tcp).filter(([key, value]) => value || usual.includes(key))
      .map(([key, value]) => `${key} ${value === -1 ? "derived" : value || (key === "user_timeout" ? "off" : "the system's")}`)
      .join(", ");
  }

  function inWords(host, unit) {
    const { unit: name, said, values, sockets, right, wrong, unknown } = cellOf(unit);
    const lines = [`${name} on ${host.name}: ${WORDS[said.verdict]}`];
    if (said.why) lines.push(said.why);
    if (sockets) lines.push(`${number(right)} of ${many(sockets, "socket")} right, ${number(wrong)} wrong, ${number(unknown)} unknown`);
    const reasons = counted(said.reasons);
    if (reasons) lines.push(reasons);
    for (const found of said.found) {
      if (found.detail) lines.push(found.detail);
      for (const each of found.values) lines.push(`${each.option} ${setting(each.found)} instead of ${setting(each.expected)}`);
    }
    if (values) lines.push(`expected: ${tcpInWords(values.tcp)}`);
    lines.push(`by ${said.backend}, unit is ${said.state.replace("_", " ")}`);
    return [...new Set(lines)];
  }

  function ofHost(host) {
    const lines = [`${host.name}: ${WORDS[host.state]}`, ...(host.why || [])];
    for (const [key, what] of Object.entries(host.did || {})) {
      const words = Array.isArray(what) ? what : Object.entries(what).map(([unit, count]) => `${unit} ${many(count, "socket")}`);
      lines.push(`${key.replace("_", " ")}: ${words.join(", ")}`);
    }
    for (const [key, what] of Object.entries(host.undone || {})) {
      const words = Array.isArray(what) ? what : Object.keys(what);
      if (words.length) lines.push(`taken back, ${key.replace("_", " ")}: ${words.join(", ")}`);
    }
    if (host.due) lines.push(`due: ${host.due.join(", ")}`);
    for (const remark of host.remarks || []) lines.push(remark);
    if (host.audit) lines.push(`connections: ${Object.entries(host.audit).map(([key, count]) => `${key} ${count}`).join(", ")}`);
    for (const [file, sum] of Object.entries(host.libraries || {})) lines.push(`${file}: ${sum || "not there"}`);
    return lines;
  }

  /* ---- The matrix */

  const rows = [];

  function why(host) {
    const place = make("div", "why");
    place.setAttribute("role", "gridcell");
    if (host.state !== "done") place.append(label(host.state), (host.why || []).join(" "), " ");
    const told = host.units.map(cellOf).filter(({ said }) => said.verdict === "wrong" || said.verdict === "accepted"
      || (said.verdict === "no_data" && host.state === "done"));
    told.sort((one, two) => ORDER.indexOf(one.said.verdict) - ORDER.indexOf(two.said.verdict));
    const texts = told.map(({ unit, said }) =>
      `${unit}: ${said.verdict === "wrong" ? "" : `${WORDS[said.verdict]} `}${counted(said.reasons) || said.why}`.trim().replace(/:$/, ""));
    const risk = Object.entries(host.audit || {}).filter(([key, count]) => count && ["without", "slow", "tight"].includes(key));
    if (risk.length) texts.push(`connections ${risk.map(([key, count]) => `${key} × ${count}`).join(", ")}`);
    place.append(texts.join("; "));
    return place;
  }

  function matrix() {
    const place = at("matrix");
    const style = document.styleSheets[0];
    data.units.forEach((_unit, index) => style.insertRule(`.c${index}{grid-column:${index + 2}}`, style.cssRules.length));
    document.documentElement.style.setProperty("--units", Math.max(1, data.units.length));
    const head = make("div", "row head", make("div", "host", "Host"));
    head.firstChild.setAttribute("role", "columnheader");
    head.setAttribute("role", "row");
    data.units.forEach((unit, index) => {
      const title = make("div", `unit name c${index}`, unit);
      title.setAttribute("role", "columnheader");
      title.title = unit;
      head.append(title);
    });
    const last = make("div", "why", "Reasons");
    last.setAttribute("role", "columnheader");
    head.append(last);
    place.append(head);
    for (const host of data.hosts) {
      const row = make("div", "row");
      row.setAttribute("role", "row");
      const name = make("div", "host name", host.name);
      name.setAttribute("role", "rowheader");
      name.tabIndex = -1;
      row.append(name);
      const verdicts = new Set();
      const reasons = new Set();
      let wrong = 0;
      const text = [host.name, host.state, ...(host.why || [])];
      host.units.forEach((unit) => {
        const { said, wrong: count } = cellOf(unit);
        const cell = make("div", `cell s-${said.verdict} c${unit[0]}`, SIGNS[said.verdict] + (count ? (count > 99 ? "99+" : count) : ""));
        cell.setAttribute("role", "gridcell");
        if (said.verdict !== "right") cell.setAttribute("aria-label", `${data.units[unit[0]]}: ${WORDS[said.verdict]} ${counted(said.reasons) || said.why}`);
        row.append(cell);
        verdicts.add(said.verdict);
        wrong += count;
        text.push(data.units[unit[0]]);
        if (said.verdict !== "right") {
          text.push(said.why);
          for (const reason in said.reasons) { reasons.add(reason); text.push(reason); }
          for (const found of said.found) text.push(found.detail);
        }
      });
      if (host.audit && host.audit.without + host.audit.slow + host.audit.tight) verdicts.add("at_risk");
      row.append(why(host));
      place.append(row);
      rows.push({ host, row, verdicts, reasons, wrong, text: text.join("\n").toLowerCase(), rank: rows.length });
      row.dataset.row = rows.length - 1;
    }
    for (const verdict of ORDER) at("legend").append(make("span", `label s-${verdict}`, `${SIGNS[verdict]} ${WORDS[verdict]}`), " ");
    at("legend").append("empty: not listed there");
    if (rows.length) rows[0].row.firstChild.tabIndex = 0;
  }

  /* ---- Filter, search, sort */

  const FILTERS = {
    all: ["all hosts", () => true],
    not_right: ["all that is not right", (each) => each.host.state !== "done" || ["wrong", "no_data", "accepted", "at_risk"].some((one) => each.verdicts.has(one))],
    wrong: ["with a wrong unit", (each) => each.verdicts.has("wrong")],
    at_risk: ["with connections at risk", (each) => each.verdicts.has("at_risk")],
    failed: ["failed or refused", (each) => ["failed", "refused"].includes(each.host.state)],
    no_data: ["without data", (each) => each.host.state === "no_data" || each.verdicts.has("no_data")],
    accepted: ["with an accepted unit", (each) => each.verdicts.has("accepted")],
    idle: ["with a unit that does not run", (each) => each.verdicts.has("idle")],
    right: ["with a right unit", (each) => each.verdicts.has("right")],
  };
  let only = null;

  function options() {
    for (const [key, [words, fits]] of Object.entries(FILTERS)) {
      const count = rows.filter(fits).length;
      if (count || key === "all") at("show").append(new Option(`${words} (${number(count)})`, key));
    }
    const reasons = new Set(rows.flatMap((each) => [...each.reasons]));
    at("reason").append(new Option("any", ""), ...[...reasons].sort().map((reason) => new Option(reason, reason)));
    at("reason").closest("label").hidden = !reasons.size;
  }

  function choose(key) {
    at("show").value = [...at("show").options].some((option) => option.value === key) ? key : "all";
    only = null;
    filter();
  }

  function narrow(finding) {
    at("search").value = "";
    at("reason").value = "";
    only = finding;
    at("show").value = "all";
    filter();
    at("hosts-title").scrollIntoView();
  }

  function isOfFinding({ host }) {
    if (!only.unit) return host.state === only.verdict;
    const wanted = Object.keys(only.reasons).join();
    const verdict = only.verdict === "to_do" ? "wrong" : only.verdict; // it is wrong now, and the run would see to it
    return host.units.map(cellOf).some(({ unit, said }) =>
      unit === only.unit && said.verdict === verdict && Object.keys(said.reasons).join() === wanted);
  }

  function filter() {
    const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = FILTERS[at("show").value][1];
    const reason = at("reason").value;
    let shown = 0;
    for (const each of rows) {
      const visible = fits(each) && (!reason || each.reasons.has(reason)) && words.every((word) => each.text.includes(word))
        && (!only || isOfFinding(each));
      if (each.row.hidden === visible) each.row.hidden = !visible;
      if (visible) shown += 1;
    }
    at("shown").textContent = `${number(shown)} of ${many(rows.length, "host")} shown${only ? `, those with ${only.unit || WORDS[only.verdict]} ` : ""}`.trim();
    for (const tile of document.querySelectorAll("button.tile")) {
      tile.setAttribute("aria-pressed", String(!only && tile.dataset.show === at("show").value));
    }
  }

  function sort() {
    const by = {
      worst: (one, two) => one.rank - two.rank,
      name: (one, two) => one.host.order - two.host.order,
      sockets: (one, two) => two.wrong - one.wrong || one.rank - two.rank,
    }[at("sort").value];
    at("matrix").append(...rows.slice().sort(by).map((each) => each.row));
  }

  /* ---- Hover, focus and keyboard */

  function told(target) {
    const row = target.closest?.(".row[data-row]");
    if (!row) return null;
    const { host } = rows[row.dataset.row];
    if (target.classList.contains("cell")) return inWords(host, host.units[[...row.children].indexOf(target) - 1]);
    return target.classList.contains("host") ? ofHost(host) : null;
  }

  function tip(target) {
    const lines = told(target);
    const box = at("tip");
    box.hidden = !lines;
    if (!lines) return;
    box.textContent = lines.slice(0, 12).join("\n");
    const place = target.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(place.left, innerWidth - box.offsetWidth - 8))}px`;
    const below = place.bottom + 6;
    box.style.top = `${below + box.offsetHeight < innerHeight ? below : Math.max(4, place.top - box.offsetHeight - 6)}px`;
  }

  function detail(target) {
    const lines = told(target);
    if (!lines) return;
    const box = at("detail");
    const close = make("button", "", "close");
    close.type = "button";
    close.addEventListener("click", () => { box.hidden = true; target.focus(); });
    box.replaceChildren(make("strong", "", lines[0]), `\n${lines.slice(1).join("\n")}\n`, close);
    box.hidden = false;
    at("tip").hidden = true;
  }

  function move(target, key) {
    const row = target.closest(".row");
    const cells = (each) => [...each.children].filter((one) => !one.classList.contains("why"));
    const sameColumn = (each) => {
      const column = [...target.classList].find((name) => /^c\d+$/.test(name));
      return (column && each.querySelector(`.${column}`)) || each.firstChild;
    };
    const next = (each, step) => {
      let found = each[step];
      while (found && (found.hidden || found.classList.contains("head"))) found = found[step];
      return found;
    };
    const line = cells(row);
    const here = line.indexOf(target);
    let to = null;
    if (key === "ArrowRight") to = line[here + 1];
    if (key === "ArrowLeft") to = line[here - 1];
    if (key === "Home") [to] = line;
    if (key === "End") to = line[line.length - 1];
    for (const [one, step, count] of [["ArrowDown", "nextSibling", 1], ["ArrowUp", "previousSibling", 1],
      ["PageDown", "nextSibling", 10], ["PageUp", "previousSibling", 10]]) {
      if (key !== one) continue;
      let found = row;
      for (let index = 0; index < count; index += 1) found = next(found, step) || found;
      if (found !== row) to = sameColumn(found);
    }
    if (!to) return;
    for (const old of at("matrix").querySelectorAll('[tabindex="0"]')) old.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  function listen() {
    const place = at("matrix");
    place.addEventListener("mouseover", (event) => tip(event.target));
    place.addEventListener("mouseleave", () => { at("tip").hidden = true; });
    place.addEventListener("focusin", (event) => tip(event.target));
    place.addEventListener("focusout", () => { at("tip").hidden = true; });
    place.addEventListener("click", (event) => detail(event.target));
    const follow = () => { // what has the focus keeps its tip where the page is scrolled to show it
      if (place.contains(document.activeElement)) tip(document.activeElement);
      else at("tip").hidden = true;
    };
    addEventListener("scroll", follow, { passive: true, capture: true });
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") { detail(event.target); event.preventDefault(); }
      if (/^(Arrow|Home|End|Page)/.test(event.key) && event.target.closest(".row")) { move(event.target, event.key); event.preventDefault(); }
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") { at("detail").hidden = true; at("tip").hidden = true; }
      if (event.key === "/" && !["INPUT", "SELECT"].includes(event.target.tagName)) { at("search").focus(); event.preventDefault(); }
    });
    at("search").addEventListener("input", () => { only = null; filter(); });
    at("show").addEventListener("change", () => { only = null; filter(); });
    at("reason").addEventListener("change", filter);
    at("sort").addEventListener("change", sort);
    at("timeout").addEventListener("input", timelines);
    at("theme").addEventListener("change", () => { document.documentElement.dataset.theme = at("theme").value; });
  }

  /* ---- Timelines */

  function duration(seconds) {
    const whole = Math.round(seconds * 10) / 10;
    if (whole >= 7200) return `${Math.round(whole / 360) / 10} h`;
    return whole >= 120 ? `${Math.round(whole / 6) / 10} min` : `${whole} s`;
  }

  const typed = (seconds) => (seconds < 7200 ? `${seconds} s` : duration(seconds)); // as people say it of firewalls

  function shape(tag, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  /* State, its word, and what becomes of a connection that is silent, with an idle timeout in between. */
  function verdictOf(values, timeout) {
    if (values.off) return ["wrong", "OFF", `no probe is sent: forgotten after ${typed(timeout)} of silence, and nobody notices`];
    if (values.keepidle >= timeout) return ["wrong", "SLOW", `the first probe comes after ${typed(timeout)}: too late`];
    if (values.survives === null) return ["accepted", "ONE PROBE", "the first probe comes in time; if it is lost, the connection ends"];
    if (values.survives >= timeout) return ["no_data", "TIGHT", "the first probe comes in time; if it is lost, so may be the connection"];
    return ["right", "SURVIVES", "the first probe comes in time; if it is lost, the next one does"];
  }

  const underWay = (values, seconds) => (seconds === null ? "about 15 min (tcp_retries2)"
    : `${values.or_after ? `${duration(values.or_after)} or ` : ""}${duration(seconds)}`);

  /* One scale for what is asked and what was found: as long as what is asked takes, and what is not far from it. */
  function scaleOf(values, timeout) {
    const longest = Math.max(values.idle, values.unacknowledged || 0, timeout, values.survives || 0);
    const near = values.found.flatMap((each) => [each.idle, each.unacknowledged]).filter((seconds) => seconds && seconds < 3 * longest);
    return Math.max(longest, ...near) * 1.12;
  }

  function drawing(values, timeout, longest) {
    const lines = values.unsaid ? [["dead idle peer", values.idle, values.idle === null ? "never" : duration(values.idle)]] : [
      ["dead idle peer", values.idle, values.idle === null ? "never" : duration(values.idle)],
      ["unacknowledged data", values.unacknowledged, underWay(values, values.unacknowledged)],
      ["peer that stops reading", values.stopped, values.stopped === null ? "never" : underWay(values, values.stopped)],
    ];
    const [left, width, height] = [4, 512, 150];
    const x = (seconds) => left + (width * Math.max(0, Math.min(seconds, longest))) / longest;
    const [verdict, word, words] = verdictOf(values, timeout);
    const told = lines.map(([what, , said]) => `${what}: ${said}`).join("; ");
    const svg = shape("svg", { viewBox: `0 0 ${width + 8} ${height}`, role: "img", "aria-label": `${told}; idle timeout ${typed(timeout)}: ${words}` });
    svg.append(shape("line", { x1: x(timeout), x2: x(timeout), y1: 17, y2: 128, class: "limit" }));
    lines.forEach(([what, seconds, said], index) => {
      const y = 16 + index * 38;
      svg.append(shape("text", { x: left, y: y - 2 }, `${what}: ${said}`));
      const end = seconds === null ? longest : seconds;
      svg.append(shape("rect", { x: left, y: y + 3, width: x(end) - left, height: 9, class: seconds === null ? "never" : "span" }));
      if (end > longest) svg.append(shape("path", { d: `M${left + width - 9},${y - 1} l9,8.5 l-9,8.5 z`, class: "span" }));
    });
    for (let probe = 0; probe < Math.min(values.probes, 60); probe += 1) {
      const at = values.keepidle + probe * values.keepintvl;
      if (at <= longest) svg.append(shape("circle", { cx: x(at), cy: 23.5, r: 3.5, class: "probe" }));
    }
    svg.append(shape("line", { x1: left, x2: left + width, y1: 124, y2: 124, class: "axis" }));
    const late = x(timeout) > width / 2;
    svg.append(shape("text", { x: x(timeout), y: 143, "text-anchor": late ? "end" : "start", class: "limit-text" }, `idle timeout ${typed(timeout)}`));
    return [make("p", "", make("span", `label s-${verdict}`, word), ` ${words}`), svg];
  }

  const inUnits = (option, value) => (option !== "user_timeout" || !Number.isInteger(value) ? setting(value) : value ? `${value} ms` : "off");

  function foundInstead(found, timeout, longest) {
    const units = found.units.join(", ") + (found.more ? ` and ${many(found.more, "more unit")}` : "");
    const telling = found.others.filter(([option]) => !found.off || ["keepalive", "user_timeout"].includes(option));
    const others = telling.map(([option, value, asked]) => `${option} ${inUnits(option, value)}${found.unsaid ? "" : ` instead of ${inUnits(option, asked)}`}`).join(", ");
    return make("div", "instead", make("p", "", make("strong", "", "Found"), ` on ${many(found.sockets, found.unsaid ? "connection" : "socket")} of `,
      make("span", "name", units), ` on ${many(found.hosts, "host")}${found.reasons.length ? `: ${found.reasons.join(", ")}` : ""}`), make("p", "name", others), ...drawing(found, timeout, longest));
  }

  function timeline(values, timeout) {
    const longest = scaleOf(values, timeout);
    const asked = make("div", "asked", make("p", "", make("strong", "", values.advised ? "Advised" : "Asked"), values.advised ? " where a program has no setting of its own" : ` of ${values.where}`), make("p", "name", tcpInWords(values.tcp)), ...drawing(values, timeout, longest));
    const figure = make("figure", values.found.length ? "times with-found" : "times", asked, ...values.found.map((found) => foundInstead(found, timeout, longest)));
    if (values.not_drawn) figure.append(make("p", "soft", `And ${many(values.not_drawn, "socket")} more with other values, or with some that could not be read.`));
    return figure;
  }

  function timelines() {
    const timeout = Number(at("timeout").value);
    if (!(timeout >= 1)) return;
    const worst = data.values.slice().sort((one, two) => two.found.length - one.found.length);
    at("timelines").replaceChildren(...worst.map((values) => timeline(values, timeout)));
  }

  function times() {
    if (!data.values.length) { at("times").hidden = true; return; }
    const units = data.values.map(() => new Map());
    for (const host of data.hosts) {
      for (const [unit, , values] of host.units) if (values >= 0) units[values].set(unit, (units[values].get(unit) || 0) + 1);
    }
    data.values.forEach((values, index) => {
      const named = [...units[index]].sort((one, two) => two[1] - one[1]).map(([unit, count]) => `${data.units[unit]} on ${many(count, "host")}`);
      values.where = named.slice(0, 5).join(", ") + (named.length > 5 ? ` and ${named.length - 5} more units` : "");
    });
    at("timeout").value = data.timeout.seconds;
    at("timeout-from").textContent = data.timeout.given ? "(the audit's, the shortest)" : "(a usual one; no audit has named another)";
    timelines();
  }

  totals();
  findings();
  changes();
  matrix();
  options();
  filter();
  times();
  listen();
  for (const link of at("parts").children) link.hidden = document.querySelector(link.getAttribute("href")).hidden;
  at("parts").hidden = false;
  at("screen").hidden = true;
  at("main").hidden = false;
})();
