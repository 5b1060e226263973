// The map of all settings: boundary 1 to the right, boundary 2 upwards, colored by trained parameters on a log scale.
// Same protocol as the ribbon: seq goes up with each choice made here, epoch changes when the server side is new.
// Dragging over cells selects them, Shift with a click or Space adds or takes one, Escape selects none.

const CIVIDIS = ['#00224e', '#123570', '#3b496c', '#575d6d', '#707173', '#8a8678', '#a59c74', '#c3b369', '#e1cc55', '#fee838'];
const RGB = CIVIDIS.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const LARGEST_MAP = 440; // px
const MAP_PAUSE = 200; // ms without a key press before a keyboard move is sent

function shade(share) {
  const place = Math.max(0, Math.min(1, share)) * (RGB.length - 1), low = Math.min(RGB.length - 2, Math.floor(place));
  const color = RGB[low].map((from, i) => Math.round(from + (RGB[low + 1][i] - from) * (place - low)));
  return `rgb(${color})`;
}

// Measured values, of which any may be missing: at(n1, n2) is null there.
function measuredSettings(values) {
  const known = Object.values(values.cells).map(([value]) => value);
  const at = (n1, n2) => values.cells[`${n1}-${n2}`]?.[0] ?? null;
  return { at, least: Math.min(...known), most: Math.max(...known) };
}

// trained[n1][n2] from running sums, so that 126 layers (8,128 cells) take a millisecond
function allSettings(data) {
  const below = data.recipes.map((recipe) => {
    const sums = [0];
    for (let layer = 1; layer <= data.n; layer++) sums.push(sums[layer - 1] + trainedIn(layerCounts(data, layer, recipe)));
    return sums;
  });
  const outside = data.embeddings.trainable + data.head.trainable;
  const at = (n1, n2) => outside + below[0][n1] + below[1][n2] - below[1][n1] + below[2][data.n] - below[2][n2];
  let least = Infinity, most = 0;
  for (let n1 = 0; n1 <= data.n; n1++) {
    for (let n2 = n1; n2 <= data.n; n2++) {
      least = Math.min(least, at(n1, n2));
      most = Math.max(most, at(n1, n2));
    }
  }
  return { at, least, most };
}

function drawMap(canvas, data, cells, size, selected, swept) {
  const ratio = window.devicePixelRatio || 1, side = size / (data.n + 1), pen = canvas.getContext('2d');
  canvas.width = canvas.height = Math.round(size * ratio);
  canvas.style.width = canvas.style.height = `${size}px`;
  pen.scale(ratio, ratio);
  const scaled = data.values ? (value) => value : (value) => Math.log(Math.max(1, value));
  const low = scaled(cells.least), span = scaled(cells.most) - low || 1;
  const gap = side > 12 ? 1 : 0, line = getComputedStyle(canvas).color;
  for (let n1 = 0; n1 <= data.n; n1++) {
    for (let n2 = n1; n2 <= data.n; n2++) {
      const value = cells.at(n1, n2), share = (scaled(value ?? low) - low) / span;
      const left = Math.round(n1 * side * ratio) / ratio, top = Math.round((data.n - n2) * side * ratio) / ratio;
      const edge = Math.ceil(side * ratio) / ratio - gap;
      if (value === null) { // not measured
        pen.setLineDash([3, 3]);
        pen.strokeStyle = '#8793A1';
        pen.strokeRect(left + 1.5, top + 1.5, edge - 3, edge - 3);
        continue;
      }
      pen.fillStyle = shade(share);
      pen.fillRect(left, top, edge, edge);
      const cell = data.values?.cells[`${n1}-${n2}`];
      if (cell && side >= 30) {
        const [, written, seeds] = cell;
        pen.fillStyle = share > 0.55 ? '#10151C' : '#FFFFFF';
        pen.textAlign = 'center';
        pen.font = '600 12px sans-serif';
        pen.fillText(written, left + edge / 2, top + edge / 2 + (seeds ? 1 : 5), edge - 4);
        pen.font = '10px sans-serif';
        if (seeds) pen.fillText(`n ${seeds}`, left + edge / 2, top + edge / 2 + 15, edge - 4);
      }
      if (selected.has(`${n1}-${n2}`) || swept.has(`${n1}-${n2}`)) {
        const width = Math.max(1.5, Math.min(3, side / 8));
        pen.setLineDash([]);
        pen.lineWidth = width;
        pen.strokeStyle = line;
        pen.strokeRect(left + width / 2, top + width / 2, edge - width, edge - width);
        pen.lineWidth = 1;
      }
    }
  }
}

// The cells of the triangle in the rectangle between two places.
function cellsBetween([a1, a2], [b1, b2]) {
  const found = [];
  for (let n1 = Math.min(a1, b1); n1 <= Math.max(a1, b1); n1++) {
    for (let n2 = Math.max(n1, Math.min(a2, b2)); n2 <= Math.max(a2, b2); n2++) found.push(`${n1}-${n2}`);
  }
  return found;
}

function buildMap(root) {
  const canvas = make('canvas', '', { 'aria-hidden': 'true' });
  const here = make('i', 'here'), pointed = make('i', 'pointed');
  const corners = [0, 1, 2].map((i) => make('span', `corner c${i}`));
  const readout = make('p', 'readout', { 'aria-live': 'polite' });
  const scale = make('div', 'colors', { 'aria-hidden': 'true' }, make('span'), make('i'), make('span'));
  scale.children[1].style.background = `linear-gradient(to right, ${CIVIDIS.join(', ')})`;
  const plane = make('div', 'plane', { tabindex: '0', role: 'application', 'aria-roledescription': 'map of all settings' }, canvas, pointed, here, ...corners);
  const axis = (side, name) => make('span', `axis ${side}`, {}, make('b', '', {}, '0'), make('span', '', {}, name), make('b'));
  const across = axis('across', 'boundary 1 after layer →'), up = axis('up', 'boundary 2 after layer →');
  root.replaceChildren(make('div', 'frame', {}, up, plane, across), readout, scale);
  return { canvas, here, pointed, corners, readout, scale, plane, ends: [across.lastChild, up.lastChild] };
}

export default function ({ parentElement, data, setStateValue }) {
  let root = parentElement.querySelector('.map');
  if (!root) parentElement.append((root = make('div', 'map')));
  const S = root.__state || (root.__state = { seq: -1, v: null, timer: null, picks: -1, selected: new Set(), view: buildMap(root) });
  const { view } = S;
  if (data.epoch !== S.epoch) { clearTimeout(S.timer); Object.assign(S, { epoch: data.epoch, seq: -1, v: null, timer: null, picks: -1, from: null }); }
  if (S.v === null || (!S.timer && data.seq >= S.seq)) { S.v = [data.n1, data.n2]; S.seq = Math.max(S.seq, data.seq); }
  if (data.picks >= S.picks) Object.assign(S, { picks: data.picks, selected: new Set(data.selected) });
  const cells = data.values ? measuredSettings(data.values) : allSettings(data);

  const text = (n1, n2) => {
    if (data.values) {
      const found = data.values.cells[`${n1}-${n2}`];
      const seeds = !found || found[2] === null ? '' : found[2] === 1 ? ', 1 seed' : `, ${found[2]} seeds`;
      const said = found ? `${data.values.name} ${found[1]}${seeds}` : 'not measured';
      return `boundaries after layers ${n1} and ${n2}: ${said}`;
    }
    const trained = cells.at(n1, n2);
    return `boundaries after layers ${n1} and ${n2}: ${exact(trained)} parameters train`;
  };
  const place = (node, [n1, n2]) => {
    const side = S.size / (data.n + 1), least = Math.max(side, 9);
    Object.assign(node.style, { left: `${(n1 + 0.5) * side - least / 2}px`, top: `${(data.n - n2 + 0.5) * side - least / 2}px`, width: `${least}px`, height: `${least}px` });
  };
  const mark = () => {
    place(view.here, S.v);
    view.readout.textContent = `Now: ${text(...S.v)}`;
    view.plane.setAttribute('aria-label', `${data.values ? data.values.name : 'Trainable parameters'} for every pair of boundaries. Arrow keys move${data.selectable ? `, Shift with Space selects, ${S.selected.size} selected` : ''}. ${text(...S.v)}`);
  };
  const paint = () => drawMap(view.canvas, data, cells, S.size, S.selected, new Set(S.from && S.to ? cellsBetween(S.from, S.to) : []));
  const resize = () => {
    const size = Math.max(180, Math.min(LARGEST_MAP, root.clientWidth - 26));
    if (size === S.size && S.drawn === data) return;
    S.size = size;
    S.drawn = data;
    paint();
    view.corners[0].style.left = `${Math.max(size / (data.n + 1) + 6, 30)}px`;
    mark();
  };
  const send = () => { S.timer = null; S.seq += 1; setStateValue('split', { n1: S.v[0], n2: S.v[1], seq: S.seq }); };
  const select = (names) => {
    S.selected = new Set(names);
    S.picks += 1;
    paint();
    mark();
    setStateValue('selected', { cells: names.map((name) => name.split('-').map(Number)), seq: S.picks });
  };
  const toggle = (cell) => {
    const name = cell.join('-');
    select(S.selected.has(name) ? [...S.selected].filter((one) => one !== name) : [...S.selected, name]);
  };
  const at = (event) => {
    const box = view.canvas.getBoundingClientRect(), side = box.width / (data.n + 1);
    const n1 = Math.floor((event.clientX - box.left) / side), n2 = data.n - Math.floor((event.clientY - box.top) / side);
    return n1 >= 0 && n2 <= data.n && n1 <= n2 ? [n1, n2] : null;
  };

  data.corners.forEach((name, i) => { view.corners[i].textContent = name; });
  for (const end of view.ends) end.textContent = data.n;
  view.pointed.hidden = true;
  const ends = data.values ? Object.values(data.values.cells) : [];
  const written = (value) => (data.values ? ends.find(([one]) => one === value)[1] : exact(value));
  view.scale.children[0].textContent = written(cells.least);
  view.scale.children[2].textContent = written(cells.most);
  resize();
  S.observer?.disconnect();
  S.observer = new ResizeObserver(resize);
  S.observer.observe(root);

  view.plane.onpointerdown = (event) => {
    if (!data.selectable || event.button || event.shiftKey) return;
    Object.assign(S, { from: at(event), to: null, dragged: false });
    view.plane.setPointerCapture(event.pointerId);
  };
  view.plane.onpointerup = () => {
    if (S.from && S.to) {
      S.dragged = true; // the click that follows goes nowhere
      const names = cellsBetween(S.from, S.to);
      Object.assign(S, { from: null, to: null });
      select(names);
    }
    S.from = null;
  };
  view.plane.onpointercancel = () => { Object.assign(S, { from: null, to: null }); paint(); };
  view.plane.onpointermove = (event) => {
    const cell = at(event);
    if (S.from && (S.to || !cell || cell.join() !== S.from.join())) {
      const box = view.canvas.getBoundingClientRect(), inside = (part) => Math.max(0, Math.min(data.n, Math.floor((part / box.width) * (data.n + 1))));
      S.to = [inside(event.clientX - box.left), data.n - inside(event.clientY - box.top)];
      paint();
    }
    view.pointed.hidden = !cell;
    view.plane.classList.toggle('over', Boolean(cell));
    if (cell) { place(view.pointed, cell); view.readout.textContent = text(...cell); } else mark();
  };
  view.plane.onpointerleave = () => { view.pointed.hidden = true; mark(); };
  view.plane.onclick = (event) => {
    const cell = at(event);
    if (S.dragged) { S.dragged = false; return; }
    if (cell && event.shiftKey && data.selectable) { toggle(cell); return; }
    if (!cell || (cell[0] === S.v[0] && cell[1] === S.v[1])) return;
    S.v = cell;
    mark();
    send();
  };
  view.plane.onkeydown = (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (data.selectable && ((event.key === ' ' && event.shiftKey) || (event.key === 'Escape' && S.selected.size))) {
      event.preventDefault();
      event.key === ' ' ? toggle(S.v) : select([]);
      return;
    }
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [n1, n2] = [S.v[0] + step[0], S.v[1] + step[1]];
    if (n1 < 0 || n2 > data.n || n1 > n2) return;
    S.v = [n1, n2];
    mark();
    clearTimeout(S.timer);
    S.timer = setTimeout(send, MAP_PAUSE);
  };
  return () => { clearTimeout(S.timer); S.observer.disconnect(); };
}
