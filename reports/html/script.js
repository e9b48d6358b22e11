"use strict";
// Adds to a page that is whole without it: what stands under the pointer or the key, and zoom and pan of the picture.
(() => {
  const picture = document.querySelector(".picture");
  if (!picture) return;
  const all = (what, within = picture) => [...within.querySelectorAll(what)];
  const [WHOLE, EARLIER, LATER, CLOSER, WIDER, MOMENT, GOOD, BAD, LINES, LINE] = picture.dataset.words.split("|");
  const end = Number(picture.dataset.to), opened = Date.parse(picture.dataset.opened), NUMBER = 26;
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 432e5, 864e5];
  const track = picture.querySelector(".track");
  let from = 0, to = end, spot = end / 2, asked = 0;

  const add = (parent, tag, kind, text) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  // --- what there is, read once

  const svgs = all("svg");
  const stretches = all(".strip > *, .bracket, .took").map(one => ({ one, from: +one.dataset.from, to: +one.dataset.to, room: 0 }));
  const points = all(".act, .ticks > span").map(one => ({ one, at: +one.dataset.from, late: one.classList.contains("late") }));
  const rows = all(".row").map(one => ({ one, words: one.querySelector(".words"), from: +one.dataset.from, to: +one.dataset.to }));
  const lanes = new Map();
  for (const one of all(".step")) {
    const step = { one, at: +one.dataset.from, kind: one.className, style: one.getAttribute("style"), wide: 0 };
    lanes.set(one.dataset.lane, [...(lanes.get(one.dataset.lane) || []), step]);
  }
  const lines = all("tr[data-at]", document).map(row => ({ row, at: +row.dataset.at })).sort((a, b) => a.at - b.at);
  const graphs = svgs.filter(svg => svg.dataset.low).map(svg => {
    const looks = [];
    for (const [kind, word, shift] of [["good", GOOD, 0], ["bad", BAD, 3]]) {
      const path = svg.querySelector(`path.${kind}`);
      for (const found of (path ? path.getAttribute("d") : "").matchAll(/M(\S+) ([\d.-]+)/g)) {
        looks.push({ at: +found[1], down: +found[2] + shift, word });
      }
    }
    looks.sort((a, b) => a.at - b.at);
    return { name: svg.dataset.name, low: Math.log10(svg.dataset.low), high: Math.log10(svg.dataset.high), looks };
  });
  const timeless = text => text.replace(/,? ?:? ?[\d.]+ – [\d.]+ s \([^)]*\)/, "").trim();
  const things = all(".lane.fault, .lane.states, .lane.probe").flatMap(lane => {
    const name = lane.querySelector("b").textContent;
    const drawn = all("g > title", lane).map(title => {
      const box = title.parentNode.querySelector("rect"), a = +box.getAttribute("x");
      return { from: a, to: a + Number(box.getAttribute("width")), text: `${name} ${timeless(title.textContent)}` };
    });
    return [...drawn, ...all(".strip > span[title]", lane).map(one => ({ from: +one.dataset.from, to: +one.dataset.to, text: `${name} ${timeless(one.title)}` }))];
  });

  // --- tools

  const viewer = document.createElement("div");
  viewer.className = "viewer";
  picture.before(viewer);
  const tools = add(viewer, "div", "tools"), bar = add(tools, "div");
  viewer.append(picture);
  const buttons = [];
  const button = (text, label, act, range) => {
    const made = add(bar, "button", "", text);
    made.type = "button";
    if (label) made.setAttribute("aria-label", made.title = label);
    made.addEventListener("click", act);
    if (range) buttons.push([made, ...range]);
  };
  button("−", WIDER, () => zoom(2));
  button("+", CLOSER, () => zoom(0.5));
  button("‹", EARLIER, () => pan(-0.25));
  button("›", LATER, () => pan(0.25));
  button(WHOLE, "", () => show(0, end), [0, end]);
  for (const lane of all(".lane.fault").slice(0, 6)) {
    const boxes = all("rect", lane).map(box => [+box.getAttribute("x"), +box.getAttribute("width")]);
    if (!boxes.length) continue;
    const a = boxes[0][0], b = Math.max(...boxes.map(([x, width]) => x + width)), air = Math.max(200, (b - a) * 0.12);
    const range = [Math.max(0, a - air), Math.min(end, b + air)];
    button(lane.querySelector("b").textContent, "", () => show(...range), range);
  }
  const slider = add(bar, "input");
  slider.type = "range";
  slider.max = 1000;
  slider.setAttribute("aria-label", MOMENT);
  const told = add(tools, "p", "told");
  const cursor = add(picture, "div", "cursor"), chosen = add(picture, "div", "chosen"), tip = add(viewer, "div", "tip");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = cursor.hidden = chosen.hidden = true;
  picture.classList.add("zoomable");

  // --- the axis

  const share = at => 100 * (at - from) / (to - from);
  const seconds = ms => (ms / 1e3).toFixed(to - from < 5e3 ? 3 : 2) + " s";
  const clock = ms => {
    if (end < 3e5 || to - from < 6e4) return Number((ms / 1e3).toFixed(3)) + " s";
    const whole = Math.round(ms / 1e3), minutes = Math.floor(whole / 60), two = n => String(n).padStart(2, "0");
    return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  };
  const ticks = () => {
    const step = STEPS.find(one => (to - from) / one < 10) || STEPS[STEPS.length - 1], found = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
    return found;
  };
  const first = (list, at) => {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at < at) low = middle + 1; else high = middle;
    }
    return low;
  };

  function show(a, b) {
    const wide = Math.min(end, Math.max(5, b - a)), left = Math.min(end - wide, Math.max(0, a));
    [from, to] = [left, left + wide];
    spot = Math.min(to, Math.max(from, spot));
    if (!asked) asked = requestAnimationFrame(draw);
  }
  const zoom = (by, at = spot) => show(at - (at - from) * by, at + (to - at) * by);
  const pan = by => show(from + by * (to - from), to + by * (to - from));

  function draw() {
    asked = 0;
    const wide = track.clientWidth, marks = ticks();
    for (const svg of svgs) {
      const height = svg.getAttribute("height"), grid = svg.querySelector(".grid");
      svg.setAttribute("viewBox", `${from} 0 ${to - from} ${height}`);
      if (grid) grid.setAttribute("d", marks.map(at => `M${at} 0v${height}`).join(""));
    }
    for (const part of stretches) {
      const left = Math.max(0, share(part.from)), right = Math.min(100, share(part.to));
      part.one.style.left = left + "%";
      part.one.style.width = Math.max(0, right - left) + "%";
      part.one.style.visibility = right < 0 || left > 100 ? "hidden" : "";
      if (part.room) part.one.classList.toggle("cut", share(part.to) > 100);
      if (part.room) part.one.classList.toggle("tight", (right - left) * wide / 100 < part.room + 14);
    }
    for (const { one, words, from: a, to: b } of rows) {
      const left = share(a), right = share(b), before = Math.max(0, left), after = Math.max(0, 100 - right);
      const side = Math.max(before, after) < 25 ? "inside" : after >= 35 || after >= before ? "after" : "before";
      words.className = "words " + side;
      words.style.left = side === "before" ? "" : Math.min(90, Math.max(0, side === "after" ? right : left)) + "%";
      words.style.right = side === "before" ? Math.min(90, Math.max(0, 100 - left)) + "%" : "";
      one.style.visibility = a < b && (right < 0 || left > 100) ? "hidden" : "";
    }
    for (const { one, at, late } of points) {
      const left = share(at);
      one.classList.toggle("late", to - from === end ? late : left > 80);
      one.style.left = left + "%";
      one.style.visibility = left < 0 || left > 100 ? "hidden" : "";
    }
    for (const steps of lanes.values()) hang(steps, wide);
    gather(wide);
    picture.querySelector(".marks").replaceChildren(...marks.map(at => {
      const mark = document.createElement("span");
      add(mark, "span", "", clock(at));
      if (share(at) > 92) mark.className = "late";
      mark.style.left = share(at) + "%";
      return mark;
    }));
    for (const [made, a, b] of buttons) made.setAttribute("aria-pressed", String(Math.abs(a - from) < 1 && Math.abs(b - to) < 1));
    point();
  }

  // Words below steps, from right to left, so that no line down crosses the words of another; as the page has it at first.
  function hang(steps, wide) {
    const seen = [];
    for (const step of steps) {
      const left = share(step.at);
      step.one.style.left = left + "%";
      step.one.style.visibility = left < -0.01 || left > 100.01 ? "hidden" : "";
      if (!step.one.style.visibility) seen.push({ step, at: left * wide / 100 });
    }
    seen.sort((a, b) => b.at - a.at);
    let ways = [{ places: [], worth: 0 }];
    for (const one of seen) {
      const grown = ways.flatMap(way => places(way.places, one, wide, steps[0].rows).map(place => ({ places: [...way.places, place], worth: way.worth + place.worth })));
      ways = grown.sort((a, b) => b.worth - a.worth).slice(0, 12);
    }
    seen.forEach(({ step }, index) => {
      const place = ways[0].places[index], list = step.one.classList;
      list.toggle("late", place.late);
      list.toggle("number", place.shown === "number");
      list.toggle("dot", place.shown === "dot");
      step.one.style.setProperty("--row", place.row);
    });
  }
  function places(taken, { step, at }, wide, rows) {
    const found = [];
    for (const [size, shown, worth] of [[step.wide, "words", 30], [NUMBER, "number", 10]]) {
      const before = found.length;
      for (let row = 0; row < rows; row++) {
        for (const late of [false, true]) {
          const a = late ? at - size : at, b = a + size;
          const free = a >= 0 && b <= wide + 1 && taken.every(one => one.shown === "dot" || !(
            (one.row === row && a < one.b + 6 && b > one.a - 6) || (one.row < row && one.a <= at - 1 && at < one.b) || (one.row > row && a < one.at && one.at < b)));
          if (free && (size === step.wide || found.length === before)) found.push({ row, late, at, a, b, shown, worth: worth - row - 2 * late });
        }
      }
    }
    return found.length ? found : [{ row: 0, late: false, at, a: at, b: at, shown: "dot", worth: 0 }];
  }

  // Marks of moments; those nearer than their own width are one.
  function gather(wide) {
    const place = picture.querySelector(".moments"), near = 11 * (to - from) / wide, made = [];
    for (let index = first(lines, from); index < lines.length && lines[index].at <= to;) {
      const begin = index, until = lines[index].at + near;
      while (index < lines.length && lines[index].at < until && lines[index].at <= to) index++;
      const mark = document.createElement("a");
      mark.href = "#" + lines[begin].row.id;
      mark.tabIndex = -1;
      if (index - begin > 1) mark.className = "several";
      mark.style.left = share(lines[begin].at) + "%";
      mark.lines = lines.slice(begin, index);
      made.push(mark);
    }
    place.replaceChildren(...made);
  }

  // --- the moment under the pointer or the slider

  const left = ms => {
    const box = track.getBoundingClientRect();
    return box.left - picture.getBoundingClientRect().left + box.width * share(ms) / 100;
  };
  const at = event => {
    const box = track.getBoundingClientRect();
    return Math.min(to, Math.max(from, from + (to - from) * (event.clientX - box.left) / box.width));
  };
  const nearest = (looks, ms) => {
    const low = first(looks, ms);
    const near = [looks[low - 1], looks[low]].filter(Boolean).sort((a, b) => Math.abs(a.at - ms) - Math.abs(b.at - ms))[0];
    return near && Math.abs(near.at - ms) < (to - from) / 60 ? near : null;
  };
  const took = (graph, look) => {
    const part = 1 - (look.down - 2) / 60, ms = 1e3 * 10 ** (graph.low + part * (graph.high - graph.low));
    const [figure, unit] = ms < 1 ? [ms * 1e3, "µs"] : ms < 1e3 ? [ms, "ms"] : [ms / 1e3, "s"];
    return `${Number(figure.toPrecision(2))} ${unit}`;
  };
  const point = () => {
    slider.value = 10 * share(spot);
    cursor.style.left = left(spot) + "px";
  };
  function tell(ms) {
    spot = ms;
    cursor.hidden = false;
    const parts = [];
    if (opened) parts.push(new Date(opened + ms).toISOString().slice(11, 23) + " UTC");
    for (const graph of graphs) {
      const look = nearest(graph.looks, ms);
      if (look) parts.push(`${graph.name} ${look.word} ${took(graph, look)}`);
    }
    for (const thing of things) if (thing.from <= ms && ms <= thing.to) parts.push(thing.text);
    told.textContent = "";
    add(told, "b", "", seconds(ms));
    told.append("  ·  " + parts.join("  ·  "));
    slider.setAttribute("aria-valuetext", told.textContent);
    point();
  }

  // --- what a mark is, in a box of its own

  let leaving = 0, shown = null;
  const story = mark => {
    if (mark.lines) return mark.lines.length > 1 ? [`${mark.lines.length} ${LINES}`, ...mark.lines.slice(0, 8).map(one => one.row)] : [mark.lines[0].row];
    const row = document.getElementById(mark.hash.slice(1));
    return row && row.tagName === "TR" ? [row] : [mark.textContent.trim(), `${seconds(+mark.dataset.from)}`];
  };
  const shorten = text => text.length > 220 ? text.slice(0, 219) + "…" : text;
  function open(mark) {
    clearTimeout(leaving);
    if (shown === mark) return;
    shut();
    shown = mark;
    tip.replaceChildren();
    for (const one of story(mark)) {
      const text = add(tip, "p");
      if (typeof one === "string") { text.textContent = one; continue; }
      const cells = [...one.cells], head = one.querySelector("th[scope=row]");
      if (one.dataset.at) {
        text.textContent = `${cells[1].textContent}  ${cells[2].textContent} UTC  `;
        Object.assign(add(text, "a", "", `${LINE} ${head.textContent}`), { href: "#" + one.id });
        add(tip, "p", "", shorten(cells[4].textContent));
        continue;
      }
      add(text, "b", "", head.firstChild.textContent);
      for (const cell of cells.filter(cell => cell !== head && cell !== cells[0] && cell.textContent)) {
        const said = add(tip, "p", "", cell.dataset.name + " ");
        for (const inside of cell.childNodes) { said.append(inside.cloneNode(true)); said.append(" "); }
      }
    }
    tip.hidden = false;
    mark.setAttribute("aria-describedby", "tip");
    const box = (mark.querySelector("span") || mark).getBoundingClientRect(), around = viewer.getBoundingClientRect();
    const under = box.height ? box : mark.getBoundingClientRect();
    tip.style.left = Math.max(0, Math.min(under.left - around.left, around.width - tip.offsetWidth)) + "px";
    tip.style.top = under.bottom - around.top + 4 + "px";
  }
  function shut() {
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }
  const TOLD = ".step, .act, .moments a, .verdicts a";
  const leave = () => { clearTimeout(leaving); leaving = setTimeout(shut, 250); };
  for (const one of all(".verdicts a")) one.removeAttribute("title");
  viewer.addEventListener("pointerover", event => {
    const mark = event.target.closest(TOLD);
    if (mark && event.pointerType !== "touch") open(mark); else if (event.target.closest(".tip")) clearTimeout(leaving);
  });
  viewer.addEventListener("pointerout", event => { if (event.pointerType !== "touch" && event.target.closest(TOLD + ", .tip")) leave(); });
  viewer.addEventListener("focusin", event => { const mark = event.target.closest(TOLD); if (mark) open(mark); });
  viewer.addEventListener("focusout", event => { if (event.target.closest(TOLD)) leave(); });
  let finger = false, before = null;
  viewer.addEventListener("pointerdown", event => { finger = event.pointerType === "touch"; before = shown; }, true);
  viewer.addEventListener("click", event => {
    const mark = event.target.closest(TOLD);
    if (mark && finger && before !== mark) { event.preventDefault(); open(mark); } else if (!event.target.closest(".tip")) shut();
  });

  // --- keys, mouse and fingers

  slider.addEventListener("input", () => tell(from + (to - from) * slider.value / 1000));
  slider.addEventListener("focus", () => tell(spot));
  viewer.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") shut();
    else if (event.key === "+" || event.key === "=") zoom(0.5);
    else if (event.key === "-") zoom(2);
    else if (event.key === "0") show(0, end);
    else if (sideways && (event.shiftKey || event.target !== slider)) pan(sideways * 0.25);
    else return;
    event.preventDefault();
  });
  picture.addEventListener("wheel", event => {
    if (event.ctrlKey) zoom(Math.exp(event.deltaY / 200), at(event));
    else if ((event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) && to - from < end) pan((event.deltaX || event.deltaY) / 1000);
    else return;
    event.preventDefault();
  }, { passive: false });

  const held = new Map();
  let began = null;
  picture.addEventListener("pointerdown", event => {
    if (event.button || !event.target.closest(".track") || (!finger && event.target.closest("a"))) return;
    held.set(event.pointerId, at(event));
    began = { at: at(event), moved: false };
    if (!finger) picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", event => {
    if (!held.size) {
      if (event.target.closest(".track")) tell(at(event));
      return;
    }
    if (!held.has(event.pointerId)) return;
    const now = at(event);
    began.moved = true;
    if (held.size === 2) {
      const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, ms]) => ms), was = held.get(event.pointerId);
      if (Math.abs(now - other) > (to - from) / 100) zoom(Math.abs(was - other) / Math.abs(now - other), other);
    } else if (finger || event.shiftKey) {
      show(from + began.at - now, to + began.at - now);
    } else {
      tell(now);
      chosen.hidden = false;
      chosen.style.left = left(Math.min(began.at, now)) + "px";
      chosen.style.width = Math.abs(left(now) - left(began.at)) + "px";
    }
  });
  const release = event => {
    if (!held.delete(event.pointerId)) return;
    const [a, b] = [began.at, at(event)].sort((x, y) => x - y);
    const picked = !chosen.hidden && event.type === "pointerup" && (b - a) / (to - from) > 0.01;
    if (finger && !began.moved && event.type === "pointerup") tell(b);
    chosen.hidden = true;
    if (picked) show(a, b);
  };
  picture.addEventListener("pointerup", release);
  picture.addEventListener("pointercancel", release);
  picture.addEventListener("dblclick", () => show(0, end));

  // --- the page as it came, for paper; and as wide as the window is

  let zoomed = null;
  addEventListener("beforeprint", () => {
    zoomed = [from, to];
    [from, to] = [0, end];
    draw();
    for (const step of [...lanes.values()].flat()) { step.one.className = step.kind; step.one.setAttribute("style", step.style); }
  });
  addEventListener("afterprint", () => { [from, to] = zoomed || [0, end]; draw(); });
  for (const steps of lanes.values()) {
    const rowsOf = Math.max(1, ...steps.map(step => 1 + Number(step.one.style.getPropertyValue("--row") || 0)));
    for (const step of steps) { step.rows = rowsOf; step.one.className = step.kind.replace(/ (late|number|dot)\b/g, ""); }
  }
  for (const step of [...lanes.values()].flat()) step.wide = step.one.firstElementChild.offsetWidth + 4;
  for (const part of stretches) if (part.one.classList.contains("took")) part.room = part.one.firstElementChild.offsetWidth;
  new ResizeObserver(() => show(from, to)).observe(track);
  draw();
})();
