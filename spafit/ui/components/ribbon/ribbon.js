// The ribbon's behavior. Python owns (n1, n2); while a drag lasts the browser does, and sends on release.
//   seq    goes up with each change made here, so that the same value sent twice still reaches Python;
//   epoch  changes when the server side is new, so that a tab left open across a restart follows it;
//   undone counts undos minus redos since the epoch began, so that two quick clicks cannot merge into one; it is taken
//          from Python only when the ribbon is new, because an answer to an earlier move may come after a click. It is
//          sent with the seq it comes after. Its buttons are never disabled, only marked so: what there is to undo is
//          known here no sooner than the answer to a change elsewhere on the page, and a press must not be lost to that.
// State lives on the root node: this module runs again at each change of data, and its cleanup only on unmount.

const KEYBOARD_PAUSE = 150; // ms without a key press before a keyboard move is sent

function connectionWatch(changed) {
  const app = document.querySelector('[data-test-connection-state]');
  const connected = () => !app || app.getAttribute('data-test-connection-state') === 'CONNECTED';
  const observer = new MutationObserver(() => changed(connected()));
  if (app) observer.observe(app, { attributes: true, attributeFilter: ['data-test-connection-state'] });
  return { connected, stop: () => observer.disconnect() };
}

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let root = parentElement.querySelector('.ribbon');
  if (!root) parentElement.append((root = make('div', 'ribbon')));
  const S = root.__state || (root.__state = { seq: -1, drag: null, timer: null, v: null, built: '', opened: null });
  S.data = data;
  S.setStateValue = setStateValue;

  const shape = `${data.model}|${data.n}|${data.compact}|${rowHeight(data)}`;
  const restarted = data.epoch !== S.epoch;
  if (restarted) {
    const unsent = S.v && S.seq > (S.acknowledged ?? -1) && S.built === shape;
    clearTimeout(S.timer);
    Object.assign(S, { epoch: data.epoch, seq: -1, undone: data.undone, timer: null, drag: null, v: unsent ? S.v : null, resend: unsent });
  }
  if (S.built !== shape) {
    Object.assign(S, { built: shape, view: build(root, data), v: null, drag: null, opened: null, walk: data.n });
  }
  S.acknowledged = data.seq;
  const view = S.view;

  const tools = () => {
    const undo = S.data.can_undo || S.timer || S.seq > S.acknowledged, redo = S.data.can_redo || S.undone > S.data.undone;
    view.undo.setAttribute('aria-disabled', String(!undo));
    view.redo.setAttribute('aria-disabled', String(!redo));
  };
  const show = () => {
    tools();
    S.sums = paint(view, S.data, ...S.v);
    if (S.opened) drawInside(view.inside, S.data, S.opened, ...S.v, () => open(null));
  };
  const speak = () => {
    view.spoken.textContent = `${exact(S.sums.trainable)} parameters train, ${percentText(S.sums.trainable, S.sums.total)} of the model`;
  };
  const send = () => {
    S.seq += 1;
    S.setStateValue('split', { n1: S.v[0], n2: S.v[1], seq: S.seq });
    tools();
    speak();
  };
  const sendMove = () => {
    clearTimeout(S.timer);
    S.timer = null;
    send();
  };
  const move = (i, value) => {
    const next = i ? Math.min(S.data.n, Math.max(S.v[0], value)) : Math.max(0, Math.min(S.v[1], value));
    if (next === S.v[i]) return false;
    S.v = i ? [S.v[0], next] : [next, S.v[1]];
    show();
    return true;
  };
  const history = (step) => {
    if (S.timer) { // a keyboard move not yet sent: undoing it needs no server
      clearTimeout(S.timer);
      S.timer = null;
      S.v = [S.data.n1, S.data.n2];
      show();
      if (step > 0) return;
    }
    S.undone += step;
    S.setStateValue('history', { undone: S.undone, after: S.seq });
    tools();
  };
  const open = (layer) => {
    if (S.opened) view.layers[S.opened].setAttribute('aria-expanded', 'false');
    S.opened = S.opened === layer ? null : layer;
    view.inside.hidden = !S.opened;
    root.classList.toggle('opened', Boolean(S.opened));
    if (!S.opened) return;
    view.layers[S.opened].setAttribute('aria-expanded', 'true');
    show();
    view.inside.scrollIntoView?.({ block: 'nearest', behavior: 'smooth' });
  };
  const walkTo = (layer) => {
    view.layers[S.walk].tabIndex = -1;
    S.walk = Math.max(1, Math.min(S.data.n, layer));
    view.layers[S.walk].tabIndex = 0;
  };

  // A value from Python counts unless something newer is under way here.
  if (S.v === null || (!S.drag && !S.timer && !S.resend && data.seq >= S.seq)) {
    S.v = [data.n1, data.n2];
    S.seq = Math.max(S.seq, data.seq);
  }
  show();
  if (S.resend) {
    S.resend = false;
    S.seq = data.seq;
    send();
  }
  view.hint.textContent = data.hint;
  walkTo(S.walk);

  if (data.behind && S.asked !== data) {
    S.asked = data;
    setTimeout(() => setTriggerValue('page', true)); // after this has been painted
  }

  const valueAt = (clientY) => {
    const box = view.body.getBoundingClientRect();
    return Math.round(S.data.n * (1 - (clientY - box.top) / box.height));
  };
  const lookInside = (clientY) => {
    const box = view.body.getBoundingClientRect();
    const layer = S.data.n - Math.floor((S.data.n * (clientY - box.top)) / box.height);
    if (layer >= 1 && layer <= S.data.n) { walkTo(layer); open(layer); }
  };
  view.handles.forEach((handle, i) => {
    handle.onpointerdown = (event) => {
      if (event.button || S.drag) return;
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      // On coinciding lines the first movement says which boundary is meant.
      const either = S.v[0] === S.v[1] && !event.target.classList.contains('grip');
      S.drag = { i: either ? null : i, by: handle, from: S.v, y: event.clientY, line: !event.target.classList.contains('grip') };
      root.classList.add('dragging');
      event.preventDefault();
    };
    handle.onpointermove = (event) => {
      if (S.drag?.by !== handle) return;
      const value = valueAt(event.clientY);
      if (S.drag.i === null && value !== S.v[0]) S.drag.i = value > S.v[0] ? 1 : 0;
      if (S.drag.i !== null) move(S.drag.i, value);
    };
    const finish = (keep) => {
      if (S.drag?.by !== handle) return;
      const { from, line, y } = S.drag;
      S.drag = null;
      root.classList.remove('dragging');
      if (!keep) { S.v = from; show(); } else if (S.v[0] !== from[0] || S.v[1] !== from[1]) send();
      else if (line) lookInside(y); // a click beside a boundary means the layer there
    };
    handle.onpointerup = () => finish(true);
    handle.onpointercancel = () => finish(false);
    handle.onkeydown = (event) => {
      if (event.key === 'Escape' && S.drag) { finish(false); return; }
      const big = Math.max(2, Math.round(S.data.n / 10));
      const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: big, PageDown: -big }[event.key];
      const value = step !== undefined ? S.v[i] + step : event.key === 'Home' ? 0 : event.key === 'End' ? S.data.n : null;
      if (value === null || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (!move(i, value)) return;
      clearTimeout(S.timer);
      S.timer = setTimeout(sendMove, KEYBOARD_PAUSE);
      tools();
    };
    handle.onblur = () => { if (S.timer) sendMove(); }; // before whatever is pressed elsewhere
  });
  view.body.onclick = (event) => {
    const layer = Number(event.target.closest('.layer')?.dataset.layer);
    if (layer) { walkTo(layer); open(layer); }
  };
  view.body.onkeydown = (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -S.data.n, End: S.data.n }[event.key];
    if (event.key === 'Escape' && S.opened) open(null);
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    walkTo(S.walk + step);
    view.layers[S.walk].focus();
  };
  view.undo.onclick = () => history(1);
  view.redo.onclick = () => history(-1);
  root.onkeydown = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const step = key === 'z' ? (event.shiftKey ? -1 : 1) : key === 'y' ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    history(step);
  };

  S.watch?.stop();
  const connection = (connected) => {
    root.classList.toggle('lost', !connected);
    view.offline.textContent = connected ? '' : 'Connection lost. You can go on: the last move is sent when it is back.';
    if (connected && S.seq > S.acknowledged && !S.drag && !S.timer) send();
  };
  S.watch = connectionWatch(connection);
  if (!S.watch.connected()) connection(false); else { root.classList.remove('lost'); view.offline.textContent = ''; }
  return () => { clearTimeout(S.timer); S.watch.stop(); };
}
