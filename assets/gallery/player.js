"use strict";
// The window an episode is played in. Its motion comes from a script of its own, so that the page
// works from a plain folder, without a server.

const element = id => document.getElementById(id);
const SKINS = [-24, -18, -12, -6, 6, 12, 18, 24];  // frames an onion skin is away

/** An episode's numbers, ready to be drawn. */
class Track {
  constructor(told) {
    Object.assign(this, told);
    this.root = numbers(told.root, Float32Array);  // x, y, z a frame
    this.packed = numbers(told.body, Int16Array);  // mm from under the root
    this.feet = numbers(told.contact, Uint8Array);  // 1 left, 2 right
  }

  rootAt(frame) { return Array.from(this.root.subarray(3 * frame, 3 * frame + 3)); }

  /** Points of a whole frame, or between two of them. */
  pointsAt(time) {
    const first = Math.min(Math.floor(time), this.frames - 1), second = Math.min(first + 1, this.frames - 1);
    const part = time - first, size = 3 * POINTS.length;
    return POINTS.map((_, i) => [0, 1, 2].map(axis => {
      const value = frame => this.packed[frame * size + 3 * i + axis] / 1000
        + (axis < 2 ? this.root[3 * frame + axis] : 0);
      return value(first) + part * (value(second) - value(first));
    }));
  }

  /** Over a few frames, or over a stride. */
  speedAt(frame, reach = 1) {
    const a = Math.max(frame - reach, 0), b = Math.min(frame + reach, this.frames - 1);
    if (a === b) return 0;
    const away = Math.hypot(this.root[3 * b] - this.root[3 * a], this.root[3 * b + 1] - this.root[3 * a + 1]);
    return away * DATASET.fps / (b - a);
  }

  /** What is in force at a frame, of a list of [first frame, text]. */
  static inForce(list, frame) {
    return list.reduce((text, [first, other]) => first <= frame ? other : text, "");
  }
}

const player = {
  track: null, frame: 0, playing: false, yaw: 0, pitch: 0, distance: 5.2, wanted: -1, prints: [], top: 1,

  open(index) {
    this.wanted = index;
    this.pause();
    const script = document.createElement("script");
    script.src = DATASET.files.replace("#", String(index).padStart(6, "0"));
    script.onload = () => script.remove();
    script.onerror = () => { element("clause").textContent = `${script.src} cannot be read`; };
    document.head.append(script);
  },

  take(told) {
    if (told.index !== this.wanted) return;
    this.track = new Track(told);
    const track = this.track;
    this.frame = 0;
    this.prints = [];
    let top = 0;
    for (let frame = 0; frame < track.frames; frame++) {
      top = Math.max(top, track.speedAt(frame));
      for (const [bit, name] of [[1, "l_foot"], [2, "r_foot"]]) {
        const before = frame ? track.feet[frame - 1] : 0;
        if (track.feet[frame] & bit && !(before & bit)) {
          const later = Math.min(frame + 2, track.frames - 1);
          this.prints.push([bit, track.pointsAt(later)[AT[name]]]);
        }
      }
    }
    this.top = Math.max(top, 0.5);
    element("caption").textContent = track.task;
    element("scrub").max = track.frames - 1;
    element("facts").replaceChildren(...Object.entries(track.facts).map(([name, value]) => {
      const pair = document.createElement("div");
      const [term, what] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, what.textContent] = [name, value];
      pair.append(term, what);
      return pair;
    }));
    if (!element("player").open) element("player").showModal();
    this.turnTo(element("view").value);
    this.play();
  },

  turnTo(view) {
    const [yaw, pitch] = VIEWS[view];
    this.yaw = yaw + (view === "top" ? 0 : this.track.course);
    this.pitch = pitch;
    this.distance = view === "top" ? 9 : 5.2;
    this.draw();
  },

  play() {
    if (this.frame >= this.track.frames - 1) this.frame = 0;
    this.playing = true;
    element("play").textContent = "Pause";
    let last = performance.now();
    const tick = now => {
      if (!this.playing) return;
      this.frame += (now - last) / 1000 * DATASET.fps * Number(element("rate").value);
      last = now;
      if (this.frame >= this.track.frames - 1) {
        this.frame = this.track.frames - 1;
        this.pause();
      }
      this.draw();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  },

  pause() {
    this.playing = false;
    element("play").textContent = "Play";
  },

  goTo(frame) {
    this.pause();
    this.frame = Math.min(Math.max(frame, 0), this.track.frames - 1);
    this.draw();
  },

  draw() {
    if (!this.track) return;
    const track = this.track, frame = Math.round(this.frame);
    const [context, width, height] = sized(element("stage"));
    const centre = track.rootAt(frame);
    const eye = new Eye([centre[0], centre[1], 0.85 * track.scale + 0.5 * centre[2]],
      this.yaw, this.pitch, this.distance * Math.max(track.scale, 0.6), width, height);
    drawGround(context, eye, centre, width, height);
    context.lineWidth = 4;
    context.lineCap = "round";
    for (let k = 0; k + 1 < track.frames; k += 2) {
      context.strokeStyle = heat(track.speedAt(k, 12) / Math.max(this.top, 2.5));
      context.globalAlpha = k <= frame ? 0.9 : 0.28;
      const [a, b] = [track.rootAt(k), track.rootAt(Math.min(k + 2, track.frames - 1))];
      line(context, eye, [a[0], a[1], 0], [b[0], b[1], 0]);
    }
    context.globalAlpha = 1;
    for (const [bit, [x, y, z]] of this.prints) {
      const seen = eye.see([x, y, z]);
      if (!seen) continue;
      context.fillStyle = bit === 1 ? "#e8590c66" : "#1864ab66";
      context.beginPath();
      context.ellipse(seen[0], seen[1], 0.09 * seen[2], 0.09 * seen[2] * Math.max(Math.sin(this.pitch), 0.12), 0, 0, 7);
      context.fill();
    }
    const under = eye.see([centre[0], centre[1], 0]);
    if (under) {
      context.fillStyle = "#20262e2e";
      context.beginPath();
      context.ellipse(under[0], under[1], 0.3 * track.scale * under[2],
        0.3 * track.scale * under[2] * Math.max(Math.sin(this.pitch), 0.12), 0, 0, 7);
      context.fill();
    }
    if (element("onion").checked) {
      for (const skin of SKINS) {
        const at = frame + skin;
        if (at < 0 || at >= track.frames) continue;
        drawBody(context, eye, track.pointsAt(at), track.kind, track.scale, 0.34 - 0.009 * Math.abs(skin));
      }
    }
    drawBody(context, eye, track.pointsAt(this.frame), track.kind, track.scale, null);
    this.drawTimeline(frame);
    element("scrub").value = frame;
    const seconds = value => (value / DATASET.fps).toFixed(2);
    element("clock").textContent = `${seconds(frame)} / ${seconds(track.frames - 1)} s`;
    const strong = document.createElement("b");
    strong.textContent = Track.inForce(track.clauses, frame);
    element("clause").replaceChildren(strong,
      ` ${track.speedAt(frame).toFixed(1)} m/s, ${Track.inForce(track.actions, frame).replaceAll("_", " ")}`);
  },

  /** Actions, contacts of the feet and speed over time. */
  drawTimeline(frame) {
    const track = this.track, [context, width, height] = sized(element("timeline"));
    const x = at => at / Math.max(track.frames - 1, 1) * width;
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "left";
    track.actions.forEach(([first, name], i) => {
      const end = i + 1 < track.actions.length ? track.actions[i + 1][0] : track.frames - 1;
      context.fillStyle = tint(name);
      context.fillRect(x(first), 0, Math.max(x(end) - x(first) - 1, 1), 17);
      context.fillStyle = "#fff";
      if (x(end) - x(first) > 40) context.fillText(name.replaceAll("_", " "), x(first) + 6, 12.5, x(end) - x(first) - 10);
    });
    for (const [bit, top, colour] of [[1, 21, LEFT], [2, 29, RIGHT]]) {
      context.fillStyle = "#ece8dc";
      context.fillRect(0, top, width, 6);
      context.fillStyle = colour;
      for (let at = 0; at < track.frames; at++) {
        if (track.feet[at] & bit) context.fillRect(x(at), top, x(1) + 0.6, 6);
      }
    }
    context.strokeStyle = SOFT;
    context.lineWidth = 1.5;
    context.beginPath();
    for (let at = 0; at < track.frames; at++) {
      context.lineTo(x(at), height - 2 - (height - 42) * track.speedAt(at) / this.top);
    }
    context.stroke();
    context.fillStyle = SOFT;
    context.fillText(`${this.top.toFixed(1)} m/s`, 4, 48);
    context.fillStyle = INK;
    context.fillRect(x(frame) - 1, 0, 2, height);
  },
};

/** Called by an episode's script. */
window.takeEpisode = told => player.take(told);

element("play").onclick = () => player.playing ? player.pause() : player.play();
element("scrub").oninput = event => player.goTo(Number(event.target.value));
element("onion").onchange = () => player.draw();
element("view").onchange = event => player.turnTo(event.target.value);
element("close").onclick = () => element("player").close();
element("player").onclose = () => player.pause();
element("stage").onpointerdown = event => event.target.setPointerCapture(event.pointerId);
element("stage").onpointermove = event => {
  if (!event.buttons) return;
  player.yaw -= event.movementX * 0.008;
  player.pitch = Math.min(Math.max(player.pitch + event.movementY * 0.006, 0), 1.5);
  player.draw();
};
element("stage").addEventListener("wheel", event => {
  event.preventDefault();
  player.distance = Math.min(Math.max(player.distance * Math.exp(event.deltaY * 0.001), 1.5), 40);
  player.draw();
}, {passive: false});
for (const kind of ["pointerdown", "pointermove"]) {
  element("timeline").addEventListener(kind, event => {
    if (kind === "pointermove" && !event.buttons) return;
    player.goTo(Math.round(event.offsetX / event.target.clientWidth * (player.track.frames - 1)));
  });
}
window.addEventListener("resize", () => player.draw());
document.addEventListener("keydown", event => {
  if (!element("player").open || event.target.matches("input, select")) return;
  if (event.key === " ") {
    event.preventDefault();
    element("play").click();
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    player.goTo(Math.round(player.frame) + (event.key === "ArrowLeft" ? -1 : 1));
  }
});
