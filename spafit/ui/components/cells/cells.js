// The triangle of boundaries, to choose cells in: boundary 1 to the right, boundary 2 upwards.
// seq goes up with each choice made here, epoch changes when the server side is new.

const LARGEST = 360; // px

const named = ([n1, n2]) => `${n1}-${n2}`;

// The cells of the triangle in the rectangle between two of its cells.
function area([a1, a2], [b1, b2]) {
  const found = [];
  for (let n1 = Math.min(a1, b1); n1 <= Math.max(a1, b1); n1++) {
    for (let n2 = Math.max(n1, Math.min(a2, b2)); n2 <= Math.max(a2, b2); n2++) found.push([n1, n2]);
  }
  return found;
}

function build(root) {
  const canvas = make('canvas', '', { 'aria-hidden': 'true' });
  const plane = make('div', 'plane', { tabindex: '0', role: 'application', 'aria-roledescription': 'triangle of boundaries' }, canvas);
  const axis = (side, name) => make('span', `axis ${side}`, {}, make('b', '', {}, '0'), make('span', '', {}, name), make('b'));
  const across = axis('across', 'boundary 1 after layer →'), up = axis('up', 'boundary 2 after layer →');
  const readout = make('p', 'readout', { 'aria-live': 'polite' });
  root.replaceChildren(make('div', 'frame', {}, up, plane, across), readout);
  return { canvas, plane, readout, ends: [across.lastChild, up.lastChild] };
}

function draw(view, data, S) {
  const { canvas } = view, ratio = window.devicePixelRatio || 1, side = S.size / (data.n + 1), pen = canvas.getContext('2d');
  const style = getComputedStyle(view.plane), on = style.getPropertyValue('--on').trim() || '#2F6FDE';
  canvas.width = canvas.height = Math.round(S.size * ratio);
  canvas.style.width = canvas.style.height = `${S.size}px`;
  pen.scale(ratio, ratio);
  const adding = new Set((S.from ? area(S.from, S.at) : []).map(named)), taking = S.from && S.chosen.has(named(S.from));
  const measured = new Set(data.measured.map(named)), gap = side > 8 ? 2 : 0;
  for (let n1 = 0; n1 <= data.n; n1++) {
    for (let n2 = n1; n2 <= data.n; n2++) {
      const name = named([n1, n2]), x = n1 * side, y = (data.n - n2) * side, edge = side - gap;
      const chosen = adding.has(name) ? !taking : S.chosen.has(name);
      pen.fillStyle = chosen ? on : '#8793A140';
      pen.fillRect(x, y, edge, edge);
      if (measured.has(name) && side >= 6) {
        pen.fillStyle = chosen ? '#FFFFFF' : '#8793A1';
        pen.beginPath();
        pen.arc(x + edge / 2, y + edge / 2, Math.min(4, edge / 4), 0, 7);
        pen.fill();
      }
      if (S.cursor && name === named(S.at)) {
        pen.strokeStyle = style.color;
        pen.lineWidth = 2;
        pen.strokeRect(x + 1, y + 1, edge - 2, edge - 2);
      }
    }
  }
}

export default function ({ parentElement, data, setStateValue }) {
  let root = parentElement.querySelector('.cells');
  if (!root) parentElement.append((root = make('div', 'cells')));
  const S = root.__state || (root.__state = { seq: -1, chosen: null, from: null, at: [0, 0], cursor: false, view: build(root) });
  const { view } = S;
  if (data.epoch !== S.epoch) Object.assign(S, { epoch: data.epoch, seq: -1, chosen: null, from: null });
  if (data.n !== S.n) Object.assign(S, { n: data.n, at: [0, data.n] });
  if (S.chosen === null || data.seq >= S.seq) { S.chosen = new Set(data.chosen.map(named)); S.seq = Math.max(S.seq, data.seq); }

  const say = () => {
    const count = S.chosen.size, here = named(S.at), runs = data.measured.some((cell) => named(cell) === here) ? ', measured' : '';
    const spot = S.cursor ? `SPAFIT-${here}: ${S.chosen.has(here) ? 'chosen' : 'not chosen'}${runs}. ` : '';
    view.readout.textContent = `${spot}${count === 1 ? '1 cell' : `${count} cells`} chosen.`;
    view.plane.setAttribute('aria-label', `Cells to train. Arrow keys move, Shift with them spans an area, Space chooses. ${view.readout.textContent}`);
  };
  const paint = () => { draw(view, data, S); say(); };
  const resize = () => {
    const size = Math.max(180, Math.min(LARGEST, root.clientWidth - 26));
    if (size === S.size && S.drawn === data) return;
    Object.assign(S, { size, drawn: data });
    paint();
  };
  const apply = () => {
    const taking = S.chosen.has(named(S.from));
    for (const cell of area(S.from, S.at)) taking ? S.chosen.delete(named(cell)) : S.chosen.add(named(cell));
    S.from = null;
    S.seq += 1;
    paint();
    setStateValue('cells', { chosen: [...S.chosen].map((name) => name.split('-').map(Number)), seq: S.seq });
  };
  const at = (event) => {
    const box = view.canvas.getBoundingClientRect(), side = box.width / (data.n + 1);
    const inside = (value) => Math.max(0, Math.min(data.n, Math.floor(value / side)));
    const n1 = inside(event.clientX - box.left), n2 = data.n - inside(event.clientY - box.top);
    return [n1, n2];
  };

  for (const end of view.ends) end.textContent = data.n;
  resize();
  S.observer?.disconnect();
  S.observer = new ResizeObserver(resize);
  S.observer.observe(root);

  view.plane.onpointerdown = (event) => {
    const cell = at(event);
    if (cell[0] > cell[1]) return;
    event.preventDefault();
    view.plane.focus({ preventScroll: true });
    view.plane.setPointerCapture(event.pointerId);
    Object.assign(S, { from: cell, at: cell, cursor: false, pointer: true });
    paint();
  };
  view.plane.onpointermove = (event) => {
    if (!S.pointer) return;
    S.at = at(event);
    paint();
  };
  view.plane.onpointerup = () => { if (S.pointer && S.from) { S.pointer = false; apply(); } };
  view.plane.onpointercancel = () => { Object.assign(S, { pointer: false, from: null }); paint(); };
  view.plane.onkeydown = (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!step && event.key !== ' ' && event.key !== 'Enter')) return;
    event.preventDefault();
    event.stopPropagation();
    S.cursor = true;
    if (!step) { S.from ||= S.at; apply(); return; }
    const [n1, n2] = [S.at[0] + step[0], S.at[1] + step[1]];
    if (n1 < 0 || n2 > data.n || n1 > n2) return;
    S.from = event.shiftKey ? S.from || S.at : null;
    S.at = [n1, n2];
    paint();
  };
  view.plane.onfocus = () => { S.cursor = view.plane.matches(':focus-visible') && !S.pointer; paint(); };
  view.plane.onblur = () => { Object.assign(S, { cursor: false, from: null }); paint(); };
  return () => S.observer.disconnect();
}
