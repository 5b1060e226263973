// Draws data.lines as an SVG that follows its width. State lives on the node: the module runs again at each change of data.
const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = { left: 60, right: 14, top: 14, bottom: 36 };
const LABELS = { room: 118, value: 52, letters: 18, height: 13, narrow: 380 }; // px, of the names at the ends of lines

const make = (tag, attributes = {}, text) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
};

const ticks = (low, high, wanted) => {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) || 10);
  const result = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) result.push(k * step || 0);
  return { values: result, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
};

const short = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(+value.toPrecision(4)));

const extent = (data, zoom) => {
  const xs = data.lines.flatMap((line) => line.x);
  const seen = (line, values) => values.filter((_, i) => !zoom || (line.x[i] >= zoom.from && line.x[i] <= zoom.to));
  const inside = data.lines.flatMap((line) => [line.y, line.low || [], line.high || []].flatMap((values) => seen(line, values)));
  const fixed = zoom && inside.length ? null : data.yRange, level = data.reference && !(zoom && inside.length) ? [data.reference.y] : [];
  const ys = inside.concat(level);
  const [least, most] = fixed || [Infinity, -Infinity];
  const lowest = Math.min(least, ...ys), highest = Math.max(most, ...ys);
  // Outwards to whole ticks: the axis then moves only when a point leaves it, and by a whole tick.
  const raw = (highest - lowest) / 5 || Math.abs(highest) / 5 || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) || 10);
  return {
    x0: zoom ? zoom.from : Math.min(0, ...xs), x1: zoom ? zoom.to : Math.max(data.xMax || 0, ...xs) || 1,
    y0: Math.floor(lowest / step + 1e-9) * step, y1: Math.ceil(highest / step - 1e-9) * step || step,
  };
};

// Name and last value at the end of each line, moved apart where ends lie together.
function endLabels(svg, lines, px, py, bottom) {
  const labels = lines.map((line) => ({ line, y: py(line.y.at(-1)) })).sort((a, b) => a.y - b.y);
  labels.forEach((label, i) => { if (i) label.y = Math.max(label.y, labels[i - 1].y + LABELS.height); });
  for (let i = labels.length - 1, most = bottom; i >= 0; i -= 1, most = labels[i + 1].y - LABELS.height) labels[i].y = Math.min(labels[i].y, most);
  for (const { line, y } of labels) {
    const name = line.name.length > LABELS.letters ? `${line.name.slice(0, LABELS.letters - 1)}…` : line.name;
    const text = make('text', { class: 'end', x: px(line.x.at(-1)) + 8, y: y + 4, fill: line.color });
    text.append(make('tspan', { class: 'value' }, line.y.at(-1).toFixed(3)), make('tspan', {}, lines.length > 1 ? ` ${name}` : ''));
    svg.append(text);
  }
}

function draw(root, data) {
  const svg = root.querySelector('svg');
  const width = Math.max(200, root.clientWidth), height = data.height;
  const finite = data.lines.some((line) => line.x.length);
  svg.replaceChildren();
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', height);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', data.title + ': ' + (finite ? data.lines.filter((l) => l.x.length && !l.faint)
    .map((l) => `${l.name}, ${l.x.length} points, last ${short(l.y[l.y.length - 1])}`).join('; ') : 'no points yet'));
  if (root.__zoom && root.__zoom.axis !== data.xLabel) root.__zoom = null; // other units
  const zoom = root.__zoom;
  root.querySelector('.unzoom').hidden = !zoom;
  root.dataset.zoom = zoom ? `${short(zoom.from)} ${short(zoom.to)}` : '';
  root.dataset.points = Math.max(0, ...data.lines.map((line) => line.x.length));
  const box = finite || data.reference ? extent(data, zoom) : { x0: 0, x1: data.xMax || 1, y0: 0, y1: 1 };
  const named = width >= LABELS.narrow ? data.lines.filter((line) => line.x.length && !line.faint) : [];
  const right = width - (named.length > 1 ? LABELS.room : named.length ? LABELS.value : MARGIN.right), bottom = height - MARGIN.bottom;
  const px = (x) => MARGIN.left + (x - box.x0) / (box.x1 - box.x0) * (right - MARGIN.left);
  const py = (y) => bottom - (y - box.y0) / (box.y1 - box.y0) * (bottom - MARGIN.top);
  const yTicks = ticks(box.y0, box.y1, Math.max(2, height / 60));
  if (finite || data.reference) for (const y of yTicks.values) {
    svg.append(make('line', { class: 'grid', x1: MARGIN.left, x2: right, y1: py(y), y2: py(y) }));
    svg.append(make('text', { x: MARGIN.left - 6, y: py(y) + 4, 'text-anchor': 'end' }, y.toFixed(yTicks.digits)));
  }
  const xTicks = ticks(box.x0, box.x1, Math.max(2, width / 110));
  if (finite || data.xMax) for (const x of xTicks.values) svg.append(make('text', { x: px(x), y: bottom + 16, 'text-anchor': 'middle' },
    xTicks.digits ? x.toFixed(xTicks.digits) : x.toLocaleString('en')));
  svg.append(make('line', { class: 'axis', x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }));
  svg.append(make('text', { x: (MARGIN.left + right) / 2, y: height - 4, 'text-anchor': 'middle' }, data.xLabel));
  const middle = (MARGIN.top + bottom) / 2;
  svg.append(make('text', { class: 'y-label', x: 12, y: middle, 'text-anchor': 'middle', transform: `rotate(-90 12 ${middle})` }, data.yLabel));
  if (data.reference) {
    const y = py(data.reference.y);
    svg.append(make('line', { class: 'reference', x1: MARGIN.left, x2: right, y1: y, y2: y }));
    svg.append(make('text', { x: MARGIN.left + 6, y: y + 14 < bottom ? y + 14 : y - 5 }, data.reference.name));
  }
  const clip = make('clipPath', { id: 'inside' });
  clip.append(make('rect', { x: MARGIN.left, y: 0, width: Math.max(0, right - MARGIN.left), height: bottom + 1 }));
  const drawn = make('g', zoom ? { 'clip-path': 'url(#inside)' } : {});
  svg.append(clip, drawn);
  for (const line of data.lines) if (line.low) {
    const edge = (values) => line.x.map((x, i) => `${px(x).toFixed(1)},${py(values[i]).toFixed(1)}`);
    drawn.append(make('polygon', { class: 'band', fill: line.color, points: [...edge(line.high), ...edge(line.low).reverse()].join(' ') }));
  }
  for (const line of data.lines) {
    const points = line.x.map((x, i) => `${px(x).toFixed(1)},${py(line.y[i]).toFixed(1)}`);
    drawn.append(make('polyline', { class: line.faint ? 'line faint' : 'line', stroke: line.color, 'stroke-dasharray': line.dash, points: points.join(' ') }));
    if (line.dots || line.x.length === 1) line.x.forEach((x, i) =>
      drawn.append(make('circle', { cx: px(x), cy: py(line.y[i]), r: line.faint ? 2 : 3.5, fill: line.color })));
  }
  endLabels(svg, zoom ? [] : named, px, py, bottom);
  if (!finite) svg.append(make('text', { x: (MARGIN.left + right) / 2, y: MARGIN.top + 24, 'text-anchor': 'middle' }, data.whenEmpty));
  root.__scale = { px, box, right, x: (at) => box.x0 + (at - MARGIN.left) / (right - MARGIN.left) * (box.x1 - box.x0) };
}

function legend(root, data) {
  const shown = data.lines.length > 1 ? data.lines : [];
  root.querySelector('.legend').replaceChildren(...shown.map((line) => {
    const item = document.createElement('span'), swatch = document.createElement('i');
    swatch.style.background = line.color;
    swatch.style.opacity = line.faint ? 0.45 : 1;
    item.append(swatch, line.name);
    return item;
  }));
}

function hover(root, event) {
  const { px, box } = root.__scale, data = root.__data, svg = root.querySelector('svg'), tip = root.querySelector('.tip');
  svg.querySelector('.hover')?.remove();
  const xs = data.lines.flatMap((line) => line.x);
  if (!xs.length || !event) { tip.hidden = true; return; }
  const at = event.clientX - svg.getBoundingClientRect().left;
  const x = xs.reduce((best, value) => (Math.abs(px(value) - at) < Math.abs(px(best) - at) ? value : best));
  svg.append(make('line', { class: 'axis hover', x1: px(x), x2: px(x), y1: MARGIN.top, y2: data.height - MARGIN.bottom }));
  const reach = (box.x1 - box.x0) * 0.03;
  const rows = data.lines.filter((line) => line.x.length).map((line) => {
    const i = line.x.reduce((best, value, k) => (Math.abs(value - x) < Math.abs(line.x[best] - x) ? k : best), 0);
    if (Math.abs(line.x[i] - x) > reach) return null;
    const row = document.createElement('div'), dot = document.createElement('i');
    dot.style.background = line.color;
    row.append(dot, `${line.name} ${short(line.y[i])}${line.low ? ` (${short(line.low[i])} to ${short(line.high[i])})` : ''}`);
    return row;
  }).filter(Boolean);
  const head = document.createElement('div');
  head.textContent = `${data.xLabel} ${short(x)}`;
  tip.replaceChildren(head, ...rows);
  tip.hidden = false;
  const left = px(x) + 10;
  tip.style.left = `${Math.max(0, left + tip.offsetWidth > root.clientWidth ? px(x) - 10 - tip.offsetWidth : left)}px`;
}

// Dragging across the plot with the mouse zooms into that part; a double click, or the button, shows all of it again.
function brush(root) {
  const svg = root.querySelector('svg');
  let start = null, mark = null;
  const at = (event) => event.clientX - svg.getBoundingClientRect().left;
  svg.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0) return;
    start = at(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', (event) => {
    if (start === null) return;
    mark?.remove();
    mark = make('rect', { class: 'brush', x: Math.min(start, at(event)), width: Math.abs(at(event) - start), y: MARGIN.top, height: root.__data.height - MARGIN.top - MARGIN.bottom });
    svg.append(mark);
  });
  svg.addEventListener('pointerup', (event) => {
    if (start === null) return;
    const [from, to] = [start, at(event)].sort((a, b) => a - b).map(root.__scale.x);
    const far = Math.abs(at(event) - start) > 8, { box } = root.__scale;
    start = null;
    mark?.remove();
    if (!far || !root.__data.lines.some((line) => line.x.length)) return;
    root.__zoom = { from: Math.max(box.x0, from), to: Math.min(box.x1, to), axis: root.__data.xLabel };
    draw(root, root.__data);
  });
  const all = () => { root.__zoom = null; draw(root, root.__data); };
  svg.addEventListener('dblclick', all);
  root.querySelector('.unzoom').addEventListener('click', all);
}

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector('.curves');
  root.__data = data;
  legend(root, data);
  draw(root, data);
  if (!root.__observer) {
    root.__observer = new ResizeObserver(() => draw(root, root.__data));
    root.__observer.observe(root);
    const svg = root.querySelector('svg');
    svg.addEventListener('pointermove', (event) => hover(root, event));
    svg.addEventListener('pointerdown', (event) => hover(root, event));
    svg.addEventListener('pointerleave', () => hover(root, null));
    if (!root.__brushed) { root.__brushed = true; brush(root); }
  }
  return () => { root.__observer?.disconnect(); root.__observer = null; };
}
