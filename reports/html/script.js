"use strict";
// Adds to a page that is whole without it: what stands under the pointer, and zoom by dragging or by a fault's button.
(() => {
  const picture = document.querySelector(".picture");
  if (!picture) return;
  const end = Number(picture.dataset.to);
  const opened = Date.parse(picture.dataset.opened);
  const tracks = [...picture.querySelectorAll(".track")];
  const svgs = [...picture.querySelectorAll("svg")];
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 432e5, 864e5];
  const late = new Set(picture.querySelectorAll(".ticks > .late"));
  let from = 0, to = end;

  const graphs = svgs.filter(svg => svg.dataset.low).map(svg => {
    const looks = [];
    for (const [kind, shift] of [["good", 0], ["bad", 3]]) {
      const path = svg.querySelector(`path.${kind}`);
      for (const found of (path ? path.getAttribute("d") : "").matchAll(/M(\S+) ([\d.-]+)/g)) {
        looks.push({ at: Number(found[1]), down: Number(found[2]) + shift, kind });
      }
    }
    looks.sort((a, b) => a.at - b.at);
    return { name: svg.dataset.name, low: Math.log10(svg.dataset.low), high: Math.log10(svg.dataset.high), looks };
  });

  const add = (parent, tag, kind) => {
    const made = document.createElement(tag);
    made.className = kind;
    parent.append(made);
    return made;
  };
  const tools = document.createElement("div");
  tools.className = "tools";
  picture.before(tools);
  const buttons = [];
  const button = (text, a, b) => {
    const made = add(tools, "button", "");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => show(a, b));
    buttons.push([made, a, b]);
  };
  button(picture.dataset.whole, 0, end);
  for (const lane of [...picture.querySelectorAll(".lane.fault")].slice(0, 6)) {
    const boxes = [...lane.querySelectorAll("rect")].map(box => [Number(box.getAttribute("x")), Number(box.getAttribute("width"))]);
    if (!boxes.length) continue;
    const a = boxes[0][0], b = Math.max(...boxes.map(([x, width]) => x + width)), air = Math.max(200, (b - a) * 0.12);
    button(lane.querySelector("b").textContent, Math.max(0, a - air), Math.min(end, b + air));
  }
  const told = add(tools, "span", "told");
  const cursor = add(picture, "div", "cursor");
  const chosen = add(picture, "div", "chosen");
  cursor.hidden = chosen.hidden = true;
  picture.classList.add("zoomable");

  const share = at => 100 * (at - from) / (to - from);
  const seconds = ms => (to - from < 5e3 ? (ms / 1e3).toFixed(3) : (ms / 1e3).toFixed(2)) + " s";
  const clock = ms => {
    if (end < 3e5 || to - from < 6e4) return Number((ms / 1e3).toFixed(3)) + " s";
    const whole = Math.round(ms / 1e3), minutes = Math.floor(whole / 60), two = n => String(n).padStart(2, "0");
    return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  };
  const ticks = () => {
    const step = steps.find(one => (to - from) / one < 10) || steps[steps.length - 1];
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
    return found;
  };

  function show(a, b) {
    if (b - a < 5) return;
    [from, to] = [a, b];
    for (const svg of svgs) {
      const height = svg.getAttribute("height");
      svg.setAttribute("viewBox", `${from} 0 ${to - from} ${height}`);
      const grid = svg.querySelector(".grid");
      if (grid) grid.setAttribute("d", ticks().map(at => `M${at} 0v${height}`).join(""));
    }
    for (const part of picture.querySelectorAll(".strip > span, .bracket")) {
      const left = Math.max(0, share(part.dataset.from)), right = Math.min(100, share(part.dataset.to));
      part.style.left = left + "%";
      part.style.width = Math.max(0, right - left) + "%";
      part.style.visibility = right < 0 || left > 100 ? "hidden" : "";
    }
    for (const row of picture.querySelectorAll(".row")) {
      const words = row.querySelector(".words");
      const left = share(row.dataset.from), right = share(row.dataset.to);
      const before = Math.max(0, left), after = Math.max(0, 100 - right);
      const side = Math.max(before, after) < 25 ? "inside" : after >= 35 || after >= before ? "after" : "before";
      words.className = "words " + side;
      words.style.left = side === "before" ? "" : Math.min(90, Math.max(0, side === "after" ? right : left)) + "%";
      words.style.right = side === "before" ? Math.min(90, Math.max(0, 100 - left)) + "%" : "";
      row.style.opacity = right < 0 || left > 100 ? 0.35 : "";
    }
    for (const mark of picture.querySelectorAll(".moments a, .ticks > span")) {
      const left = share(mark.dataset.from);
      mark.classList.toggle("late", to - from === end ? late.has(mark) : left > 80);
      mark.style.left = left + "%";
      mark.style.visibility = left < 0 || left > 100 ? "hidden" : "";
    }
    const marks = picture.querySelector(".marks");
    marks.replaceChildren(...ticks().map(at => {
      const mark = document.createElement("span");
      add(mark, "span", "").textContent = clock(at);
      if (share(at) > 92) mark.className = "late";
      mark.style.left = share(at) + "%";
      return mark;
    }));
    for (const [made, x, y] of buttons) made.setAttribute("aria-pressed", String(x === from && y === to));
  }

  const at = event => {
    const box = tracks[0].getBoundingClientRect();
    return Math.min(to, Math.max(from, from + (to - from) * (event.clientX - box.left) / box.width));
  };
  const left = ms => {
    const box = tracks[0].getBoundingClientRect();
    return box.left - picture.getBoundingClientRect().left + box.width * share(ms) / 100;
  };
  const nearest = (looks, ms) => {
    let low = 0, high = looks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (looks[middle].at < ms) low = middle + 1; else high = middle;
    }
    const near = [looks[low - 1], looks[low]].filter(Boolean).sort((a, b) => Math.abs(a.at - ms) - Math.abs(b.at - ms))[0];
    return near && Math.abs(near.at - ms) < (to - from) / 60 ? near : null;
  };
  const took = (graph, look) => {
    const height = 64, part = 1 - (look.down - 2) / (height - 4);
    const ms = 1e3 * 10 ** (graph.low + part * (graph.high - graph.low));
    const [figure, unit] = ms < 1 ? [ms * 1e3, "µs"] : ms < 1e3 ? [ms, "ms"] : [ms / 1e3, "s"];
    return `${Number(figure.toPrecision(2))} ${unit}`;
  };
  const tell = ms => {
    const parts = [seconds(ms)];
    if (opened) parts.push(new Date(opened + ms).toISOString().slice(11, 23) + " UTC");
    for (const graph of graphs) {
      const look = nearest(graph.looks, ms);
      if (look) parts.push(`${graph.name} ${picture.dataset[look.kind]} ${took(graph, look)}`);
    }
    told.textContent = parts.join("  ·  ");
  };

  let held = null;
  picture.addEventListener("pointermove", event => {
    if (!event.target.closest(".track") && held === null) { cursor.hidden = true; told.textContent = ""; return; }
    const ms = at(event);
    cursor.hidden = false;
    cursor.style.left = left(ms) + "px";
    tell(ms);
    if (held !== null) {
      chosen.hidden = false;
      chosen.style.left = left(Math.min(held, ms)) + "px";
      chosen.style.width = Math.abs(left(ms) - left(held)) + "px";
    }
  });
  picture.addEventListener("pointerleave", () => { if (held === null) { cursor.hidden = true; told.textContent = ""; } });
  picture.addEventListener("pointerdown", event => {
    if (event.button || !event.target.closest(".track") || event.target.closest("a")) return;
    held = at(event);
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointerup", event => {
    if (held === null) return;
    const [a, b] = [held, at(event)].sort((x, y) => x - y);
    held = null;
    chosen.hidden = true;
    if ((b - a) / (to - from) > 0.01) show(a, b);
  });
  picture.addEventListener("pointercancel", () => { held = null; chosen.hidden = true; });
  picture.addEventListener("dblclick", () => show(0, end));
  buttons[0][0].setAttribute("aria-pressed", "true");
})();
