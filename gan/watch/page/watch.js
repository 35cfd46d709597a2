"use strict";
// The page of a run. It is told everything once, and what is new from then on, by
// server-sent events; if the connection breaks, the browser connects again and is
// told everything anew.

const $ = id => document.getElementById(id);
const run = { about: null, status: null, points: [], measures: [], pictures: [], remarks: [], judgements: [] };
let at = Infinity;     // the step that is looked at; Infinity: the last
let connected = false;
let playing = 0;       // timer

// ---- what comes in

const source = new EventSource("events");
source.addEventListener("open", () => { connected = true; later(); });
source.addEventListener("error", () => { connected = false; later(); });
source.addEventListener("everything", e => {
  const n = JSON.parse(e.data);
  for (const k of ["points", "measures", "pictures", "remarks", "judgements"]) run[k] = n[k] || [];
  run.about = n.about;
  run.status = n.status;
  describe();
  later();
});
source.addEventListener("news", e => {
  const n = JSON.parse(e.data);
  for (const k of ["points", "measures", "pictures", "remarks", "judgements"]) run[k].push(...(n[k] || []));
  run.status = n.status;
  later();
});

// ---- drawing, at most once a frame

let asked = false;
function later() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}
addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);

const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

// short writes a number with three digits.
function short(v) {
  if (v == null || !isFinite(v)) return "–";
  const a = Math.abs(v);
  if (a != 0 && (a < 1e-3 || a >= 1e6)) return v.toExponential(1);
  if (a >= 1000) return Math.round(v).toLocaleString("en");
  return String(Number(v.toPrecision(3)));
}
const percent = v => v == null ? "–" : short(100 * v) + " %";
function duration(s) {
  if (s == null || !isFinite(s)) return "–";
  s = Math.round(s);
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? h + " h " + m + " min" : m ? m + " min " + s % 60 + " s" : s + " s";
}

// before returns the last element of a series that is not after a step.
function before(series, step) {
  let lo = 0, hi = series.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (series[mid].s <= step) lo = mid + 1; else hi = mid;
  }
  return series[Math.max(lo - 1, 0)];
}

const charts = [
  { id: "losses", of: "points", lines: [["d", "one", "discriminator"], ["g", "two", "generator"], ["p", "three", "penalty"]] },
  { id: "norms", of: "points", log: true, lines: [["dn", "one", "discriminator"], ["gn", "two", "generator"]] },
  { id: "slopes", of: "measures", log: true, lines: [["rs", "one", "at real samples"], ["fs", "two", "at generated ones"]] },
  { id: "distances", of: "measures", zero: true, lines: [["rd", "one", "two real samples"], ["fd", "two", "two generated ones"]] },
  { id: "updates", of: "measures", log: true, text: percent, lines: [["du", "one", "discriminator"], ["gu", "two", "generator"]] },
  { id: "rates", of: "measures", zero: true, lines: [["dr", "one", "discriminator"], ["gr", "two", "generator"]] },
  { id: "dead", of: "measures", zero: true, text: percent, lines: [["dx", "one", "discriminator"], ["gx", "two", "generator"]] },
  { id: "judged", of: "judgements", log: true, dots: true, lines: [["v", "two", "generated samples"], ["fl", "one", "real samples"]] },
];

// prepare makes a canvas as large as it is shown, and returns how to draw on it.
function prepare(canvas) {
  const scale = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width != Math.round(w * scale) || canvas.height != Math.round(h * scale)) {
    canvas.width = Math.round(w * scale);
    canvas.height = Math.round(h * scale);
  }
  const c = canvas.getContext("2d");
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.clearRect(0, 0, w, h);
  c.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  c.textBaseline = "middle";
  return [c, w, h];
}

// ticks returns round numbers between two.
function ticks(lo, hi, n) {
  const raw = (hi - lo) / n, power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = power * [1, 2, 5, 10].find(k => k * power >= raw * .999);
  const out = [];
  for (let v = Math.ceil(lo / step) * step; v <= hi + step * 1e-6; v += step) out.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return out;
}

// logTicks returns round numbers for an axis of logarithms: powers of ten, or 1, 2 and
// 5 times these if there are few.
function logTicks(lo, hi) {
  if (hi - lo < .6) return ticks(Math.pow(10, lo), Math.pow(10, hi), 4).filter(v => v > 0).map(Math.log10);
  const every = Math.ceil((hi - lo) / 5), out = [];
  for (let k = Math.floor(lo); k <= hi; k++)
    for (const m of hi - lo < 1.6 ? [1, 2, 5] : hi - lo < 3 ? [1, 3] : [1]) {
      const t = k + Math.log10(m);
      if (t >= lo && t <= hi && (m != 1 || k % every == 0)) out.push(t);
    }
  return out;
}

function drawChart(chart, lastStep) {
  const series = run[chart.of], canvas = $(chart.id);
  const [c, w, h] = prepare(canvas);
  const left = 46, right = 8, top = 6, bottom = 18;
  // The first twentieth of a long run, when everything is wild, does not settle the scale.
  const values = [];
  const from = series.length > 60 ? Math.floor(series.length / 20) : 0;
  for (let i = from; i < series.length; i++)
    for (const [key] of chart.lines) {
      const v = series[i][key];
      if (v != null && (!chart.log || v > 0)) values.push(v);
    }
  const shown = chart.log ? Math.log10 : v => v, text = chart.text || short;
  if (values.length) {
    values.sort((a, b) => a - b);
    let lo = values[Math.floor(values.length * .002)], hi = values[Math.ceil((values.length - 1) * .998)];
    if (chart.zero) lo = Math.min(lo, 0);
    lo = shown(lo); hi = shown(hi);
    const room = Math.max((hi - lo) * .06, Math.abs(hi) * .01) || 1; // zeros alone: up to 1
    if (!chart.zero || lo < 0) lo -= room;
    hi += room;
    const x = s => left + (w - left - right) * s / Math.max(lastStep, 1);
    const y = v => top + (h - top - bottom) * (1 - (shown(v) - lo) / (hi - lo));
    c.strokeStyle = colour("line"); c.fillStyle = colour("dim"); c.lineWidth = 1;
    c.textAlign = "right";
    for (const t of chart.log ? logTicks(lo, hi) : ticks(lo, hi, 4)) {
      const v = chart.log ? Math.pow(10, t) : t, yy = Math.round(y(v)) + .5;
      c.beginPath(); c.moveTo(left, yy); c.lineTo(w - right, yy); c.stroke();
      c.fillText(text(v), left - 5, yy);
    }
    c.textAlign = "center";
    const steps = ticks(0, Math.max(lastStep, 1), w > 330 ? 5 : 3).filter(s => s == Math.round(s));
    for (const s of steps) c.fillText(s.toLocaleString("en"), Math.min(x(s), w - 20), h - 7);
    c.save();
    c.beginPath(); c.rect(left, 0, w - left, h - bottom + 1); c.clip();
    for (const [key, name] of chart.lines) {
      c.strokeStyle = c.fillStyle = colour(name); c.lineWidth = 1.5; c.lineJoin = "round";
      c.beginPath();
      let pen = false;
      for (const p of series) {
        const v = p[key];
        if (v == null || chart.log && v <= 0) continue;
        if (pen) c.lineTo(x(p.s), y(v)); else c.moveTo(x(p.s), y(v));
        pen = true;
      }
      c.stroke();
      if (chart.dots || series.length == 1) for (const p of series) if (p[key] != null && p[key] > 0) { c.beginPath(); c.arc(x(p.s), y(p[key]), 2.5, 0, 7); c.fill(); }
    }
    c.restore();
    if (isFinite(at)) {
      c.strokeStyle = colour("front"); c.setLineDash([3, 3]); c.lineWidth = 1;
      c.beginPath(); c.moveTo(x(at), top); c.lineTo(x(at), h - bottom); c.stroke();
      c.setLineDash([]);
    }
  }
  const now = series.length ? before(series, at) : {};
  legend(chart.id + "-legend", chart.lines.map(([key, name, label]) => [name, label + " " + text(now[key])]));
  describeCanvas(canvas, chart.lines.map(([key, , label]) => label + " " + text(now[key])).join(", "));
}

function legend(id, entries) {
  const ul = $(id);
  while (ul.children.length > entries.length) ul.lastChild.remove();
  entries.forEach(([name, text], i) => {
    const li = ul.children[i] || ul.appendChild(document.createElement("li"));
    if (li.className != name) li.className = name;
    if (li.textContent != text) li.textContent = text;
  });
}

// describeCanvas tells those who do not see it.
function describeCanvas(canvas, text) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
}

function drawScores() {
  const canvas = $("scores"), [c, w, h] = prepare(canvas);
  if (!run.measures.length) return;
  const m = before(run.measures, at), bottom = 18, n = m.rh.length;
  const share = counts => { const all = counts.reduce((a, b) => a + b, 0) || 1; return counts.map(v => v / all); };
  const real = share(m.rh), fake = share(m.fh), most = Math.max(...real, ...fake, 1e-9);
  for (const [bars, name] of [[real, "one"], [fake, "two"]]) {
    c.fillStyle = colour(name); c.globalAlpha = .6;
    bars.forEach((v, i) => {
      const height = (h - bottom - 6) * v / most;
      c.fillRect(i * w / n + .5, h - bottom - height, w / n - 1, height);
    });
  }
  c.globalAlpha = 1;
  c.strokeStyle = colour("line");
  c.beginPath(); c.moveTo(0, h - bottom + .5); c.lineTo(w, h - bottom + .5); c.stroke();
  c.fillStyle = colour("dim");
  for (const [k, align] of [[0, "left"], [.5, "center"], [1, "right"]]) {
    c.textAlign = align;
    c.fillText(short(m.lo + k * (m.hi - m.lo)), k * w, h - 7);
  }
  $("scores-accuracy").textContent = "right in " + percent(m.a) + " of pairs";
  legend("scores-legend", [["one", "real"], ["two", "generated"]]);
  describeCanvas(canvas, "scores from " + short(m.lo) + " to " + short(m.hi) + "; D is right in " + percent(m.a) + " of pairs");
}

function drawShares() {
  const with_ = run.judgements.filter(j => j.sh && j.sh.length);
  $("shares-section").hidden = !with_.length;
  if (!with_.length) return;
  const shares = before(with_, at).sh, names = run.about && run.about.classes || [];
  const canvas = $("shares"), [c, w, h] = prepare(canvas), n = shares.length, bottom = 18, even = 1 / n;
  const most = Math.max(...shares, 1.5 * even);
  shares.forEach((v, i) => {
    c.fillStyle = colour("two");
    const height = (h - bottom - 14) * v / most;
    c.fillRect(i * w / n + 2, h - bottom - height, Math.max(w / n - 4, 1), height);
    if (n <= 30) {
      c.textAlign = "center"; c.fillStyle = colour("dim");
      c.fillText(names[i] || String(i), (i + .5) * w / n, h - 8);
      if (w / n > 26) c.fillText(Math.round(100 * v) + " %", (i + .5) * w / n, h - bottom - height - 7);
    }
  });
  c.strokeStyle = colour("one"); c.setLineDash([4, 3]);
  const y = h - bottom - (h - bottom - 14) * even / most;
  c.beginPath(); c.moveTo(0, y); c.lineTo(w, y); c.stroke(); c.setLineDash([]);
  describeCanvas(canvas, "shares of the classes: " + shares.map((v, i) => (names[i] || i) + " " + percent(v)).join(", "));
}

function drawPicture() {
  $("picture-section").hidden = !run.pictures.length;
  if (!run.pictures.length) return;
  const p = before(run.pictures, at), address = "pictures/" + p.id + ".png", img = $("picture");
  if (img.getAttribute("src") != address) {
    img.src = address;
    img.alt = "samples of the generator at step " + p.s;
    $("picture-step").textContent = "step " + p.s.toLocaleString("en");
  }
}

function draw() {
  const s = run.status;
  if (!s) { $("status").textContent = connected ? "connected" : "no connection"; return; }
  const last = Math.max(s.step, run.points.length ? run.points[run.points.length - 1].s : 0);
  const words = { waiting: "waiting for a run", training: "training", done: "done", stopped: "stopped" };
  const parts = [connected ? words[s.state] : s.state == "training" ? "no connection; the run may have ended" : words[s.state] + "; the program has ended"];
  if (s.steps) parts.push("step " + s.step.toLocaleString("en") + " of " + s.steps.toLocaleString("en"));
  if (s.state == "training" && connected) {
    parts.push(short(s.rate) + " steps/s", duration(s.left) + " left");
  } else if (s.elapsed) parts.push(duration(s.elapsed));
  if (s.memory) parts.push(Math.round(s.memory / (1 << 20)).toLocaleString("en") + " MiB");
  $("status").textContent = parts.join(" · ");
  $("progress").value = s.steps ? s.step / s.steps : 0;
  document.title = (s.steps ? Math.floor(100 * s.step / s.steps) + " % " : "") + (run.about && run.about.title || "Training");

  const slider = $("slider");
  slider.max = last;
  if (!isFinite(at)) slider.value = last;
  $("step").textContent = (isFinite(at) ? at : last).toLocaleString("en");
  slider.setAttribute("aria-valuetext", "step " + $("step").textContent);
  $("live").setAttribute("aria-pressed", String(!isFinite(at)));

  $("judged-section").hidden = !run.judgements.length;
  if (run.judgements.length) $("judged-title").textContent = run.judgements[run.judgements.length - 1].n;
  for (const chart of charts) if (run[chart.of].length || chart.of != "judgements") drawChart(chart, last);
  drawScores();
  drawShares();
  drawPicture();
  drawRemarks();
}

let remarksShown = "";
function drawRemarks() {
  const key = run.remarks.length + "/" + (run.remarks.length ? run.remarks[run.remarks.length - 1].s + run.remarks[0].t : "");
  if (key == remarksShown) return;
  remarksShown = key;
  $("remarks-section").hidden = !run.remarks.length;
  $("remarks").replaceChildren(...run.remarks.map(r => {
    const li = document.createElement("li"), b = document.createElement("b");
    b.textContent = "step " + r.s.toLocaleString("en") + ": ";
    li.append(b, r.t);
    return li;
  }).reverse());
}

// describe fills in what does not change during a run.
function describe() {
  const a = run.about;
  if (!a) return;
  $("title").textContent = a.title || "Training";
  for (const id of ["generator", "discriminator"]) $(id).textContent = a[id] || "";
  for (const id of ["settings", "program"])
    $(id).replaceChildren(...(a[id] || []).map(pair => {
      const tr = document.createElement("tr");
      for (const text of pair) tr.appendChild(document.createElement("td")).textContent = text;
      return tr;
    }));
}

// ---- time

function look(step) {
  at = step;
  if (isFinite(at)) $("slider").value = at;
  later();
}
function stop() {
  clearInterval(playing);
  playing = 0;
  $("play").setAttribute("aria-pressed", "false");
}
$("slider").addEventListener("input", e => { stop(); look(Number(e.target.value) >= Number(e.target.max) ? Infinity : Number(e.target.value)); });
$("live").addEventListener("click", () => { stop(); look(Infinity); });
$("play").addEventListener("click", () => {
  if (playing) { stop(); return; }
  if (!run.pictures.length && !run.measures.length) return;
  $("play").setAttribute("aria-pressed", "true");
  const series = () => run.pictures.length ? run.pictures : run.measures;
  let i = 0;
  if (isFinite(at)) i = Math.max(series().findIndex(p => p.s > at), 0);
  playing = setInterval(() => {
    const all = series();
    if (i >= all.length) { stop(); look(Infinity); return; }
    look(all[i++].s);
  }, 150);
});
