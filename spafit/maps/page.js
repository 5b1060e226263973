'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const L = data.layers, SVG = 'http://www.w3.org/2000/svg', SPEEDS = [1, 5, 20];
const CIVIDIS = [[0, 34, 78], [61, 78, 108], [124, 123, 120], [188, 175, 111], [254, 232, 56]];
const state = { n1: Math.floor(L / 3), n2: Math.floor(2 * L / 3), shown: data.runs.length, speed: 5, timer: null };

const add = (parent, tag, attributes = {}, text) => {
  const node = parent.namespaceURI === SVG || tag === 'svg' ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
};
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const se = (values) => values.length < 2 ? null : Math.sqrt(values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / (values.length - 1) / values.length);
const digits = (value) => value.toFixed(3);

// The runs that have arrived as points: the rate with the best mean; one tried by one seed gives way to one with several,
// and the seed that chose the rate is none of those that judge it.
function measured() {
  const found = new Map();
  for (const run of data.runs.slice(0, state.shown)) {
    const rates = found.get(run.point) || found.set(run.point, new Map()).get(run.point);
    (rates.get(run.rate) || rates.set(run.rate, []).get(run.rate)).push(run);
  }
  return new Map([...found].map(([point, rates]) => {
    const settings = [...rates].map(([rate, runs]) => {
      const others = runs.filter((run) => !run.chose), judged = [...new Map((others.length ? others : runs).map((run) => [run.seed, run])).values()];
      const scores = judged.map((run) => run.score);
      return { ...data.points[point], rate, scores, n: scores.length, mean: mean(scores), se: se(scores), trainable: runs[0].trainable, runs: judged };
    });
    const repeated = settings.filter((setting) => setting.n > 1);
    const best = (repeated.length ? repeated : settings).reduce((a, b) => (b.mean > a.mean ? b : a));
    return [point, { ...best, rates: rates.size }];
  }));
}

const main = document.getElementById('map');
add(main, 'h1', {}, `${data.model} on ${data.task}`);
const about = add(main, 'p', { class: 'soft' });
add(about, 'span', { class: 'badge' }, data.recorded);
about.append(` ${data.origin}; ${data.runs.length} runs on ${data.machines.join(', ') || 'an unknown machine'}. Scores are ${data.metric} on validation.`);
const ribbon = add(main, 'div', { class: 'ribbon', role: 'img' });
const sliders = add(main, 'div', { class: 'sliders' }), inputs = {};
for (const [key, label] of [['n1', 'Boundary 1'], ['n2', 'Boundary 2']]) {
  add(sliders, 'label', { for: key }, label);
  const input = add(sliders, 'input', { type: 'range', id: key, min: 0, max: L, step: 1 });
  inputs[key] = { input, output: add(sliders, 'output', { for: key }) };
  input.addEventListener('input', () => { const value = +input.value; key === 'n1' ? go(value, Math.max(value, state.n2)) : go(Math.min(value, state.n1), value); });
}
const legend = add(main, 'div', { class: 'key' });
for (const recipe of Object.values(data.recipes)) { const item = add(legend, 'span'); add(item, 'i', { style: `background:${recipe.color}` }); item.append(recipe.label); }
const said = add(main, 'p', { class: 'said', 'aria-live': 'polite' });
const film = add(main, 'div', { class: 'film' });
const play = add(film, 'button', { type: 'button' }, 'Replay');
const rewind = add(film, 'button', { type: 'button' }, 'Rewind');
const speed = add(film, 'select', { 'aria-label': 'Runs a second' });
for (const value of SPEEDS) add(speed, 'option', { value }, `${value} ${value === 1 ? 'run' : 'runs'} a second`);
speed.value = state.speed;
const place = add(film, 'input', { type: 'range', min: 0, max: data.runs.length, 'aria-label': 'Runs that have arrived' });
const arrived = add(film, 'output');
const two = add(main, 'div', { class: 'two' }), left = add(two, 'section'), right = add(two, 'section');
add(left, 'h2', {}, 'Every pair of boundaries');
const triangle = add(left, 'svg', { viewBox: '0 0 420 440', role: 'group', 'aria-label': 'Triangle of boundaries' });
add(right, 'h2', {}, 'Curves of this setting');
const charts = add(right, 'div'), line = add(right, 'p', { class: 'soft' });
add(main, 'h2', {}, 'All settings');
const table = add(add(main, 'div', { class: 'scroll' }), 'table');
add(main, 'p', { class: 'soft' }, 'Nothing is interpolated: an empty square was not measured. ± is the standard error over seeds (n − 1). The best of many cells is itself an optimistic choice.');

function color(share) {
  const at = Math.min(share, 0.9999) * (CIVIDIS.length - 1), i = Math.floor(at), t = at - i;
  return CIVIDIS[i].map((value, k) => Math.round(value + t * (CIVIDIS[i + 1][k] - value)));
}

function drawTriangle(points) {
  triangle.replaceChildren();
  const cells = [...points.values()].filter((point) => point.n1 !== null), side = 380 / (L + 1);
  const low = Math.min(...cells.map((p) => p.mean)), high = Math.max(...cells.map((p) => p.mean));
  for (let n2 = 0; n2 <= L; n2 += 1) {
    add(triangle, 'text', { x: 30, y: (L - n2 + 0.5) * side + 4, 'text-anchor': 'end' }, n2);
    for (let n1 = 0; n1 <= n2; n1 += 1) {
      const point = cells.find((p) => p.n1 === n1 && p.n2 === n2), box = { x: 38 + n1 * side, y: (L - n2) * side + 1, width: side - 2, height: side - 2, rx: 3 };
      const rgb = point && color(high > low ? (point.mean - low) / (high - low) : 1);
      const square = add(triangle, 'rect', { ...box, class: point ? 'cell' : 'cell empty', ...(point ? { fill: `rgb(${rgb})` } : { 'pointer-events': 'all' }) });
      add(square, 'title', {}, point ? `SPAFIT-${n1}-${n2}: ${digits(point.mean)}, ${point.n} seeds` : `SPAFIT-${n1}-${n2}: not measured`);
      square.addEventListener('click', () => go(n1, n2));
      if (point && side > 34) {
        const ink = rgb[0] * 0.3 + rgb[1] * 0.6 + rgb[2] * 0.1 > 120 ? '#10151C' : '#fff', x = box.x + side / 2 - 1;
        add(triangle, 'text', { x, y: box.y + side / 2, 'text-anchor': 'middle', style: `fill:${ink};pointer-events:none` }, digits(point.mean).replace('0.', '.'));
        add(triangle, 'text', { x, y: box.y + side / 2 + 13, 'text-anchor': 'middle', style: `fill:${ink};font-size:10px;pointer-events:none` }, `n ${point.n}`);
      }
      if (n1 === state.n1 && n2 === state.n2) add(triangle, 'rect', { ...box, class: 'now' });
    }
  }
  for (let n1 = 0; n1 <= L; n1 += 1) add(triangle, 'text', { x: 38 + (n1 + 0.5) * side, y: 400, 'text-anchor': 'middle' }, n1);
  add(triangle, 'text', { x: 38, y: 425 }, 'boundary 1 across, boundary 2 upwards');
}

function chart(title, lines, label, stroke, reference) {
  const box = add(charts, 'svg', { viewBox: '0 0 420 190', role: 'img', 'aria-label': title });
  const all = lines.flat(), ys = all.map((p) => p[1]).concat(reference === undefined || reference === null ? [] : [reference]);
  const x1 = Math.max(1, ...all.map((p) => p[0])), y0 = Math.min(...ys), y1 = Math.max(...ys) + 1e-9;
  const px = (x) => 46 + 360 * x / x1, py = (y) => 160 - 130 * (y - y0) / (y1 - y0);
  add(box, 'text', { x: 0, y: 14, style: 'font-weight:600' }, title);
  for (const y of [y0, (y0 + y1) / 2, y1]) { add(box, 'line', { x1: 46, x2: 406, y1: py(y), y2: py(y), class: 'axis' }); add(box, 'text', { x: 40, y: py(y) + 4, 'text-anchor': 'end' }, y.toFixed(2)); }
  if (reference !== undefined && reference !== null) { add(box, 'line', { x1: 46, x2: 406, y1: py(reference), y2: py(reference), stroke: 'currentColor', 'stroke-dasharray': '5 4' }); add(box, 'text', { x: 406, y: py(reference) - 4, 'text-anchor': 'end' }, 'baseline'); }
  for (const points of lines) add(box, 'polyline', { points: points.map((p) => `${px(p[0])},${py(p[1])}`).join(' '), fill: 'none', stroke, 'stroke-width': 2 });
  add(box, 'text', { x: 406, y: 180, 'text-anchor': 'end' }, `step (to ${x1})`);
}

function draw() {
  const points = measured(), list = [...points.values()], now = list.find((p) => p.n1 === state.n1 && p.n2 === state.n2);
  const cells = list.filter((p) => p.n1 !== null), best = cells.reduce((a, b) => (!a || b.mean > a.mean ? b : a), null);
  ribbon.replaceChildren();
  const kinds = Object.values(data.recipes);
  for (let i = 1; i <= L; i += 1) add(ribbon, 'div', { style: `background:${kinds[i <= state.n1 ? 0 : i <= state.n2 ? 1 : 2].color};color:${data.ink}` }, i);
  ribbon.setAttribute('aria-label', `SPAFIT-${state.n1}-${state.n2}, layer 1 on the left`);
  for (const key of ['n1', 'n2']) { inputs[key].input.value = state[key]; inputs[key].output.textContent = state[key]; }
  said.replaceChildren();
  add(said, 'strong', {}, `SPAFIT-${state.n1}-${state.n2}`);
  if (now) {
    const parts = [` ${data.metric} ${digits(now.mean)}${now.se === null ? '' : ` ± ${digits(now.se)}`} (${now.n} ${now.n === 1 ? 'seed' : 'seeds'}, rate ${now.rate}, best of ${now.rates})`];
    parts.push(`${now.trainable.toLocaleString('en')} parameters trained`);
    if (data.baseline !== null) parts.push(`baseline ${digits(data.baseline)}`);
    if (best && best !== now) parts.push(`${digits(best.mean - now.mean)} below the best cell, ${best.name}`);
    said.append(parts.join(' · '));
  } else said.append(' is not measured.');
  play.textContent = state.timer ? 'Stop' : 'Replay';
  place.value = state.shown;
  const last = data.runs[state.shown - 1];
  arrived.textContent = state.shown === data.runs.length ? `All ${data.runs.length} runs are shown.` : `Recorded, replayed: ${state.shown} of ${data.runs.length} runs${last ? `; the latest is ${data.points[last.point].name}, rate ${last.rate}, seed ${last.seed}` : ''}.`;
  drawTriangle(points);
  charts.replaceChildren();
  const drawn = state.shown < data.runs.length && last ? [last] : now ? now.runs : [];
  line.textContent = drawn.length ? `${data.points[drawn[0].point].name}, rate ${drawn[0].rate}, ${drawn.length === 1 ? 'seed' : 'seeds'} ${drawn.map((run) => run.seed).join(', ')}` : 'There is no curve yet.';
  const scores = drawn.map((run) => run.scores).filter((points) => points.length), losses = drawn.map((run) => run.loss).filter((points) => points.length);
  if (scores.length) chart(`${data.metric}, live on validation`, scores, data.metric, data.colors.metric, data.baseline);
  if (losses.length) chart('Training loss', losses, 'loss', data.colors.training);
  table.replaceChildren();
  const head = add(table, 'tr');
  for (const name of ['Setting', 'Score', '± SE', 'n', 'Rate', 'Trained']) add(head, 'th', {}, name);
  for (const point of list.sort((a, b) => b.mean - a.mean)) {
    const row = add(table, 'tr', point === now ? { class: 'now' } : {});
    for (const text of [point.name, digits(point.mean), point.se === null ? '' : digits(point.se), point.n, point.rate, point.trainable.toLocaleString('en')]) add(row, 'td', {}, text);
  }
}

function go(n1, n2) { state.n1 = n1; state.n2 = n2; draw(); }
function stop() { clearInterval(state.timer); state.timer = null; draw(); }
function start() {
  if (state.shown >= data.runs.length) state.shown = 0;
  state.timer = setInterval(() => { state.shown += 1; if (state.shown >= data.runs.length) stop(); else draw(); }, 1000 / state.speed);
  draw();
}
play.addEventListener('click', () => (state.timer ? stop() : start()));
rewind.addEventListener('click', () => { state.shown = 0; stop(); });
speed.addEventListener('change', () => { state.speed = +speed.value; if (state.timer) { stop(); start(); } });
place.addEventListener('input', () => { state.shown = +place.value; stop(); });
draw();
