"use strict";
// The list of episodes: what is shown of it, in which order, and pictures of it all.

const PAGE = 60;
const SORTS = {
  index: ["number", episode => episode.i],
  far: ["displacement", episode => -episode.far],
  speed: ["speed", episode => -episode.speed],
  seconds: ["length", episode => -episode.seconds],
  skate: ["skating", episode => -episode.skate],
  jerk: ["jerk", episode => -episode.jerk],
};
const chosen = {actions: new Set(), shown: PAGE, list: []};

function make(kind, text, name) {
  const made = document.createElement(kind);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function choices(id, all, values) {
  element(id).append(...[["", all], ...values.map(value => [value, value])].map(([value, text]) => new Option(text, value)));
  element(id).onchange = () => select();
}

/** Episodes that fit what is asked for. */
function select() {
  const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [split, teaches] = [element("split").value, element("teaches").value];
  const rank = SORTS[element("sort").value][1];
  chosen.list = DATASET.episodes.filter(episode =>
    (!split || episode.split === split) && (!teaches || episode.teaches === teaches)
    && (!chosen.actions.size || episode.actions.some(action => chosen.actions.has(action)))
    && words.every(word => episode.search.includes(word)));
  chosen.list.sort((one, other) => rank(one) - rank(other) || one.i - other.i);
  chosen.shown = PAGE;
  element("cards").replaceChildren();
  show();
}

function show() {
  const cards = element("cards");
  for (const episode of chosen.list.slice(cards.childElementCount, chosen.shown)) cards.append(card(episode));
  const [here, all] = [chosen.list.length, DATASET.episodes.length];
  const kept = all < DATASET.total ? ` of ${all} on this page; the dataset has ${DATASET.total}` : ` of ${all}`;
  element("count").textContent = `${here}${kept} episodes`;
  element("more").hidden = chosen.list.length <= chosen.shown;
}

const seen = new IntersectionObserver(entries => {
  for (const entry of entries.filter(entry => entry.isIntersecting)) {
    seen.unobserve(entry.target);
    if (entry.target.isConnected) drawStrip(entry.target, DATASET.episodes[entry.target.dataset.place]);
  }
}, {rootMargin: "300px"});

function card(episode) {
  const box = make("button", undefined, "card");
  box.type = "button";
  box.dataset.episode = episode.i;
  const canvas = make("canvas");
  canvas.dataset.place = episode.place;
  const facts = make("small");
  for (const name of episode.actions.slice(0, 3)) {
    const mark = make("em", name.replaceAll("_", " "));
    mark.style.background = tint(name);
    facts.append(mark);
  }
  facts.append(`#${episode.i}`, make("span", `${episode.seconds.toFixed(1)} s`),
    make("span", `${episode.speed.toFixed(1)} m/s`), make("span", `${episode.far.toFixed(1)} m`));
  box.append(canvas, make("b", episode.task), facts);
  box.onclick = () => player.open(episode.i);
  seen.observe(canvas);
  return box;
}

/** A few poses side by side. */
function drawStrip(canvas, episode) {
  const [context, width, height] = sized(canvas);
  context.fillStyle = "#eeebe0";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#e0dccd";
  context.fillRect(0, height - 14, width, 14);
  const values = numbers(episode.strip, Int8Array), poses = values.length / 20;
  let tall = 170;
  for (let i = 1; i < values.length; i += 2) tall = Math.max(tall, 2 * values[i] + 32);
  const unit = (height - 26) / tall, ground = height - 10;
  context.lineCap = "round";
  const level = FOUR_LEGGED.has(episode.kind), step = level ? 2 : 1;  // long bodies need room
  for (let k = 0; k < poses; k += step) {
    const middle = width * (k + step / 2) / (poses + step - 1);
    const at = joint => [middle + 2 * values[20 * k + 2 * joint] * unit, ground - 2 * values[20 * k + 2 * joint + 1] * unit];
    for (const [joints, thick, colour] of [
      [[1, 4, 5], 7, RIGHT], [[0, 8, 9], 10, RIGHT], [[0, 1], 15, INK], [[0, 6, 7], 10, LEFT], [[1, 2, 3], 7, LEFT],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = Math.max(thick * unit, 1.2);
      context.beginPath();
      joints.forEach(joint => context.lineTo(...at(joint)));
      context.stroke();
    }
    const [neck, pelvis] = [at(1), at(0)];
    const [dx, dy] = [neck[0] - pelvis[0], neck[1] - pelvis[1]];
    const long = Math.hypot(dx, dy) || 1, away = (level ? 14 : 17) * unit;
    const head = level ? [neck[0] + away, neck[1] - away] : [neck[0] + dx / long * away, neck[1] + dy / long * away];
    context.fillStyle = INK;
    context.beginPath();
    context.arc(head[0], head[1], (level ? 9 : 11) * unit, 0, 7);
    context.fill();
  }
}

/** Bars over a range, as a picture. */
function chart(title, unit, {edges, counts}) {
  const box = make("figure"), space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 300 96");
  svg.setAttribute("preserveAspectRatio", "none");
  const most = Math.max(...counts, 1), wide = 300 / counts.length;
  counts.forEach((count, i) => {
    const bar = document.createElementNS(space, "rect");
    const tall = count ? Math.max(78 * Math.sqrt(count / most), 1.5) : 0;
    const place = {x: i * wide + 1, y: 80 - tall, width: wide - 2, height: tall, rx: 1.5, fill: heat(i / counts.length)};
    Object.entries(place).forEach(([key, value]) => bar.setAttribute(key, value));
    const says = document.createElementNS(space, "title");
    says.textContent = `${edges[i]} to ${edges[i + 1]} ${unit}: ${count}`;
    bar.append(says);
    svg.append(bar);
    if (i % Math.ceil(counts.length / 6) === 0) {
      const label = document.createElementNS(space, "text");
      [["x", i * wide + 1], ["y", 93]].forEach(([key, value]) => label.setAttribute(key, value));
      label.textContent = edges[i];
      svg.append(label);
    }
  });
  box.append(make("figcaption", title), svg);
  return box;
}

function start() {
  document.title = `${DATASET.name}: episodes`;
  element("name").textContent = DATASET.name;
  element("totals").textContent = DATASET.totals;
  element("terms").textContent = DATASET.terms;
  DATASET.episodes.forEach((episode, place) => {
    episode.place = place;
    episode.search = `${episode.task} ${episode.actions.join(" ")} ${episode.style} ${episode.kind}`.toLowerCase();
  });
  const values = name => [...new Set(DATASET.episodes.map(episode => episode[name]))].sort();
  choices("split", "all splits", values("split"));
  choices("teaches", "any use", values("teaches"));
  element("sort").append(...Object.entries(SORTS).map(([key, [text]]) => new Option(text, key)));
  element("sort").onchange = element("search").oninput = () => select();
  const most = Math.max(...DATASET.actions.map(action => action.seconds), 1);
  for (const {name, seconds, episodes} of DATASET.actions) {
    const row = make("li");
    row.dataset.action = name;
    const bar = make("i");
    Object.assign(bar.style, {width: `${100 * Math.sqrt(seconds / most)}%`, background: tint(name)});
    row.title = `${seconds.toFixed(0)} s in ${episodes} episodes`;
    row.append(bar, make("span", name.replaceAll("_", " ")), make("span", episodes));
    row.onclick = () => {
      row.classList.toggle("on") ? chosen.actions.add(name) : chosen.actions.delete(name);
      select();
    };
    element("actions").append(row);
  }
  element("clear").onclick = () => {
    chosen.actions.clear();
    document.querySelectorAll("#actions .on").forEach(row => row.classList.remove("on"));
    select();
  };
  element("charts").append(
    chart("Net displacement, m (heights by root of count)", "m", DATASET.far),
    chart("Mean speed, m/s", "m/s", DATASET.speed));
  element("more").onclick = () => { chosen.shown += PAGE; show(); };
  const step = by => {
    const at = chosen.list.findIndex(episode => episode.i === player.wanted);
    const next = chosen.list[(at + by + chosen.list.length) % chosen.list.length];
    if (next) player.open(next.i);
  };
  element("previous").onclick = () => step(-1);
  element("next").onclick = () => step(1);
  select();
}

start();
