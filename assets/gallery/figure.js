"use strict";
// How a body, the ground and a colour are drawn. Points are metres: x right, y away, z up.

const POINTS = DATASET.points;  // names of the points of a frame, in order
const AT = Object.fromEntries(POINTS.map((name, i) => [name, i]));
const INK = "#20262e", SOFT = "#6c7480", LEFT = "#e8590c", RIGHT = "#1864ab";
// from, to, thickness in metres, colour
const TWO_LEGS = [
  ["r_shoulder", "r_elbow", 0.075, RIGHT], ["r_elbow", "r_hand", 0.065, RIGHT],
  ["r_hip", "r_knee", 0.105, RIGHT], ["r_knee", "r_ankle", 0.085, RIGHT], ["r_ankle", "r_toe", 0.07, RIGHT],
  ["pelvis", "neck", 0.17, INK], ["neck", "head", 0.08, INK],
  ["l_shoulder", "r_shoulder", 0.08, INK], ["l_hip", "r_hip", 0.1, INK],
  ["l_shoulder", "l_elbow", 0.075, LEFT], ["l_elbow", "l_hand", 0.065, LEFT],
  ["l_hip", "l_knee", 0.105, LEFT], ["l_knee", "l_ankle", 0.085, LEFT], ["l_ankle", "l_toe", 0.07, LEFT],
];
const FOUR_LEGS = [
  ["r_shoulder", "r_elbow", 0.07, RIGHT], ["r_elbow", "r_hand", 0.055, RIGHT],
  ["r_hip", "r_knee", 0.08, RIGHT], ["r_knee", "r_foot", 0.055, RIGHT],
  ["pelvis", "neck", 0.22, INK], ["neck", "head", 0.13, INK], ["tail_root", "tail_tip", 0.045, INK],
  ["l_shoulder", "l_elbow", 0.07, LEFT], ["l_elbow", "l_hand", 0.055, LEFT],
  ["l_hip", "l_knee", 0.08, LEFT], ["l_knee", "l_foot", 0.055, LEFT],
];
const FOUR_LEGGED = new Set(["dog", "cat", "horse"]);
const VIEWS = {quarter: [-0.62, 0.24], side: [0, 0.05], front: [Math.PI / 2, 0.08], top: [0, 1.35]};

/** Bytes of a base64 text as numbers of a kind. */
function numbers(text, Kind) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

/** A colour for a share 0..1: slow blue to fast red. */
function heat(share) {
  return `hsl(${(215 - 205 * Math.min(Math.max(share, 0), 1)).toFixed(0)} 72% 48%)`;
}

/** A steady colour for an action's name. */
function tint(name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 3600;
  return `hsl(${hash / 10} 46% 45%)`;
}

/** Sets a canvas to its size on the screen; gives its context and that size. */
function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [context, width, height];
}

/** One pinhole: world to screen. */
class Eye {
  constructor(target, yaw, pitch, distance, width, height) {
    const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
    this.right = [cy, sy, 0];
    this.ahead = [-sy * cp, cy * cp, -sp];
    this.up = [-sy * sp, cy * sp, cp];
    this.place = target.map((value, i) => value - distance * this.ahead[i]);
    this.focal = 1.35 * height;
    this.middle = [width / 2, height * 0.5];
  }

  /** [x, y, pixels per metre, depth]; null behind the eye. */
  see(point) {
    const away = [point[0] - this.place[0], point[1] - this.place[1], point[2] - this.place[2]];
    const dot = axis => away[0] * axis[0] + away[1] * axis[1] + away[2] * axis[2];
    const depth = dot(this.ahead);
    if (depth < 0.1) return null;
    const scale = this.focal / depth;
    return [this.middle[0] + scale * dot(this.right), this.middle[1] - scale * dot(this.up), scale, depth];
  }
}

/** A line on the ground or in the air, cut where it passes the eye. */
function line(context, eye, from, to) {
  const a = eye.see(from), b = eye.see(to);
  if (!a || !b) return;
  context.beginPath();
  context.moveTo(a[0], a[1]);
  context.lineTo(b[0], b[1]);
  context.stroke();
}

/** Sky, ground and a grid of metres round a place. */
function drawGround(context, eye, centre, width, height) {
  const horizon = eye.middle[1] + eye.focal * eye.ahead[2] / Math.hypot(eye.ahead[0], eye.ahead[1]);
  const sky = context.createLinearGradient(0, 0, 0, height);
  const edge = Math.min(Math.max(horizon / height, 0), 1);
  sky.addColorStop(0, "#d9e4ea");
  sky.addColorStop(edge, "#f3f3ee");
  sky.addColorStop(edge, "#e7e4d8");
  sky.addColorStop(1, "#d6d2c2");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  const reach = 24, x0 = Math.round(centre[0]), y0 = Math.round(centre[1]);
  for (let k = -reach; k <= reach; k++) {
    for (const [x, y, dx, dy] of [[x0 + k, y0, 0, 1], [x0, y0 + k, 1, 0]]) {
      const strong = (dx ? y : x) % 5 === 0;
      for (let s = -reach; s < reach; s += 2) {
        const far = Math.hypot(k, s + 1) / reach;
        if (far > 1) continue;
        context.strokeStyle = `rgba(96, 92, 78, ${(1 - far) * (strong ? 0.42 : 0.16)})`;
        context.lineWidth = strong ? 1.4 : 1;
        line(context, eye, [x + dx * s, y + dy * s, 0], [x + dx * (s + 2), y + dy * (s + 2), 0]);
      }
    }
  }
  context.fillStyle = "#8a8574";
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  for (let x = 5 * Math.ceil((x0 - 14) / 5); x <= x0 + 14; x += 5) {
    const seen = eye.see([x, 5 * Math.round(y0 / 5), 0]);
    if (seen && seen[2] > 12) context.fillText(`${x} m`, seen[0], seen[1] + 12);
  }
}

/** A body of points, its limbs far to near. alpha: of an onion skin; null is the body itself. */
function drawBody(context, eye, points, kind, scale, alpha) {
  const limbs = (FOUR_LEGGED.has(kind) ? FOUR_LEGS : TWO_LEGS)
    .map(([from, to, thick, colour]) => [eye.see(points[AT[from]]), eye.see(points[AT[to]]), thick, colour])
    .filter(([a, b]) => a && b)
    .sort((one, other) => other[0][3] + other[1][3] - one[0][3] - one[1][3]);
  context.lineCap = "round";
  context.globalAlpha = alpha === null ? 1 : alpha;
  const passes = alpha === null ? [[0.03, "#fffdf8"], [0, null]] : [[0, null]];
  for (const [a, b, thick, colour] of limbs) {
    for (const [more, outline] of passes) {
      context.strokeStyle = outline || colour;
      context.lineWidth = (thick * scale + more) * (a[2] + b[2]) / 2;
      context.beginPath();
      context.moveTo(a[0], a[1]);
      context.lineTo(b[0], b[1]);
      context.stroke();
    }
  }
  const head = eye.see(points[AT.head]), front = eye.see(points[AT.head_front]);
  if (head && front) {
    const radius = Math.hypot(...points[AT.head].map((v, i) => v - points[AT.head_front][i]));
    context.fillStyle = INK;
    context.beginPath();
    context.arc(head[0], head[1], radius * head[2], 0, 2 * Math.PI);
    context.fill();
    if (front[3] < head[3] + radius * 0.8) {
      context.fillStyle = "#ffd8a8";
      context.beginPath();
      context.arc(head[0] + 0.62 * (front[0] - head[0]), head[1] + 0.62 * (front[1] - head[1]),
        0.34 * radius * head[2], 0, 2 * Math.PI);
      context.fill();
    }
  }
  context.globalAlpha = 1;
}
