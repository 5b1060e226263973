// The stack as it is drawn: built once per model, then repainted at each move. Layer 1 lies at the bottom.

const ROW = { largest: 38, low: 26, smallest: 4, room: 396, tallest: 520, least: 190, around: 430 };
const END_HEIGHT = 34; // px of the head and of the embeddings

function rowHeight(data) {
  // Never taller than the window leaves below what stands above the stack, so that it is seen whole while it is dragged.
  const tallest = Math.max(ROW.least, Math.min(ROW.tallest, window.innerHeight - ROW.around));
  const room = Math.min(data.compact ? 240 : ROW.room, tallest);
  const largest = window.innerHeight <= 640 ? ROW.low : ROW.largest;
  const height = Math.max(ROW.smallest, Math.min(largest, Math.floor(room / data.n)));
  return height * data.n > tallest ? tallest / data.n : height;
}

function buildHandle(number) {
  const grip = make('span', 'grip', { 'aria-hidden': 'true' });
  return make('div', `handle h${number}`, {
    role: 'slider', tabindex: '0', 'aria-orientation': 'vertical', 'aria-label': `boundary ${number}`,
  }, make('span', 'line'), grip);
}

function buildNumbers(tips) {
  const number = (name) => make('div', `number ${name}`, { title: tips[name] }, make('b'), make('span', 'what'), make('span', 'more'));
  return make('div', 'numbers', {}, ...['trained', 'share', 'saving'].map(number), make('div', 'number score', { hidden: '' }, make('b'), make('span', 'what'), make('span', 'more')));
}

// Everything of one model's ribbon; returns the nodes that painting touches.
function build(root, data) {
  const height = rowHeight(data), roomy = height >= 13;
  const every = roomy ? 1 : [2, 5, 10, 20, 50, 100, 200].find((step) => step * height >= 26) ?? 500;
  const layers = [], bars = [];
  const body = make('div', 'layers', { role: 'group', 'aria-label': `${data.n} layers; arrow keys walk, Enter opens one` });
  const scale = make('div', 'scale', { 'aria-hidden': 'true' });
  const barColumn = make('div', 'bars', { 'aria-hidden': 'true' });
  for (let layer = data.n; layer >= 1; layer--) {
    const button = make('button', 'layer', { type: 'button', tabindex: '-1', 'aria-expanded': 'false', 'data-layer': layer });
    button.style.height = `${height}px`;
    if (roomy) button.append(make('span', 'nr', {}, `layer ${layer}`));
    else if (layer % every === 0) {
      const mark = make('span', '', {}, `${layer}`);
      mark.style.top = `${(data.n - layer + 0.5) * height}px`;
      scale.append(mark);
    }
    const bar = make('i');
    bar.style.height = `${height}px`;
    layers[layer] = button;
    bars[layer] = bar;
    body.append(button);
    barColumn.append(bar);
  }
  const handles = [buildHandle(1), buildHandle(2)];
  const area = make('div', 'area', {}, body, scale, ...handles);
  const end = (name) => make('div', `end ${name}`, {}, make('b', '', {}, name), make('span'));
  const head = end('head'), embeddings = end('embeddings');
  const headBar = make('div', 'bars end-bar', { 'aria-hidden': 'true' }, make('i')), embeddingsBar = headBar.cloneNode(true);
  const labels = [0, 1, 2].map(() => make('div', 'label', {}, make('b'), make('span', 'what'), make('span', 'more')));
  const braces = [0, 1, 2].map(() => make('i', 'brace'));
  const labelColumn = make('div', 'labels', {}, ...braces, ...labels);
  const back = make('div', 'back', { 'aria-hidden': 'true' }, make('i', 'stop'));
  const lane = make('div', 'lane', { 'aria-hidden': 'true' }, make('div', 'forward'), back);
  const scene = make('div', 'scene', {}, lane, head, headBar, area, barColumn, embeddings, embeddingsBar, labelColumn);
  const undo = make('button', 'undo', { type: 'button', title: 'Undo (Ctrl+Z)', 'aria-label': 'Undo' }, '↶');
  const redo = make('button', 'redo', { type: 'button', title: 'Redo (Ctrl+Shift+Z)', 'aria-label': 'Redo' }, '↷');
  const hint = make('span', 'hint', {}, 'Drag the two handles. Click a layer to look inside.');
  const legend = make('span', 'legend', { 'aria-hidden': 'true' });
  const tools = make('div', 'tools', {}, hint, legend, undo, redo);
  const offline = make('p', 'offline', { role: 'status' });
  const flow = make('p', 'flow');
  const inside = make('div', 'inside', { hidden: '' });
  const spoken = make('p', 'sr', { 'aria-live': 'polite' });
  const numbers = buildNumbers(data.tips);
  for (const [kind, color] of Object.entries(data.kinds)) root.style.setProperty(`--kind-${kind}`, color);
  root.className = ['ribbon', data.compact && 'compact', data.hint && 'tooled'].filter(Boolean).join(' ');
  root.replaceChildren(numbers, offline, tools, scene, flow, inside, spoken);
  area.style.height = barColumn.style.height = `${height * data.n}px`;
  for (const column of [body, barColumn]) column.classList.toggle('thin', height < 8);
  return { root, height, layers, bars, body, area, handles, head, embeddings, headBar, embeddingsBar, labels, braces, labelColumn, lane, back, undo, redo, hint, legend, offline, flow, inside, spoken, numbers };
}

const barGradient = (data, [bias, lora, weight], all) => {
  const stops = [];
  let from = 0;
  for (const [kind, part] of [['bias', bias], ['lora', lora], ['weight', weight]]) {
    if (!part) continue;
    const to = from + (100 * part) / all;
    stops.push(`${data.kinds[kind]} ${from}% ${to}%`);
    from = to;
  }
  return `linear-gradient(to right, ${stops.join(', ')})`;
};

function paintBar(bar, data, counts, most) {
  const trained = trainedIn(counts);
  bar.style.width = trained ? `max(2px, ${Math.min(100, (100 * trained) / most)}%)` : '0';
  bar.classList.toggle('beyond', trained > most);
  if (trained) bar.style.background = barGradient(data, counts, trained);
}

// Where labels of these heights go so that each is near its wish and none overlap, within 0..height.
function spread(wishes, heights, height) {
  const places = wishes.map((wish, i) => Math.max(0, Math.min(height - heights[i], wish - heights[i] / 2)));
  for (let i = places.length - 2; i >= 0; i--) places[i] = Math.min(places[i], places[i + 1] - heights[i]);
  for (let i = 0; i < places.length; i++) places[i] = Math.max(places[i], i ? places[i - 1] + heights[i - 1] : 0);
  return places;
}

function paintLabels(view, data, bounds, sums) {
  const shown = [2, 1, 0].filter((s) => sums.strata[s].size); // from the top down
  const top = END_HEIGHT + 4, height = view.height * data.n;
  view.labels.forEach((label, s) => { label.hidden = view.braces[s].hidden = !shown.includes(s); });
  shown.forEach((s) => {
    const style = data.palette[data.recipes[s]], sum = sums.strata[s], label = view.labels[s], brace = view.braces[s];
    const [title, what, more] = label.children;
    title.textContent = `${spanText(bounds[s] + 1, bounds[s + 1])}: ${style.label}`;
    what.textContent = style.meaning;
    more.textContent = !sum.trainable ? (style.idle ? '0 parameters' : 'trains nothing: this model has no such terms')
      : sum.size > 1 && sum.least === sum.most ? `${sum.size} × ${exact(sum.least)} = ${exact(sum.trainable)} parameters` : `${exact(sum.trainable)} parameters`;
    label.style.setProperty('--recipe', style.color);
    brace.style.top = `${top + (data.n - bounds[s + 1]) * view.height + 1}px`;
    brace.style.height = `${Math.max(2, sum.size * view.height - 2)}px`;
    brace.style.background = style.color;
  });
  const middle = (s) => top + (data.n - (bounds[s] + bounds[s + 1]) / 2) * view.height;
  const heights = shown.map((s) => view.labels[s].offsetHeight); // their text may take another line
  const places = spread(shown.map(middle), heights, height + 2 * top);
  shown.forEach((s, i) => { view.labels[s].style.top = `${places[i]}px`; });
}

function paintLane(view, data, sums) {
  const stackHeight = 2 * (END_HEIGHT + 4) + view.height * data.n;
  const { lowest } = sums;
  const reach = lowest === null ? 0 : lowest === 0 ? stackHeight : lowest > data.n ? END_HEIGHT
    : END_HEIGHT + 4 + (data.n - lowest + 1) * view.height;
  view.back.style.height = `${reach}px`;
  view.back.classList.toggle('none', lowest === null);
  const where = lowest === 0 ? 'the embeddings' : lowest > data.n ? 'the head' : `layer ${lowest}`;
  view.flow.textContent = lowest === null ? 'Nothing trains, so no gradient is computed.'
    : lowest === 0 ? '↓ Gradients flow from the head all the way down to the embeddings.'
    : lowest > data.n ? '↓ Gradients stay in the head: no layer needs one, so training is cheapest here.'
    : `↓ Gradients flow down from the head and stop at ${where}. ${lowest === 1 ? 'Only the embeddings below need none.' : `Nothing below it trains, so nothing is computed backwards there.`}`;
}

function paintNumbers(view, data, sums) {
  const [trained, share, saving] = view.numbers.children;
  const write = (box, ...texts) => texts.forEach((text, i) => { box.children[i].textContent = text; });
  write(trained, exact(sums.trainable), 'trainable parameters', `of ${exact(sums.total)} in the model`);
  write(share, percentText(sums.trainable, sums.total), 'of the model', `${exact(sums.total - sums.trainable)} frozen`);
  if (sums.trainable === data.full) write(saving, '1 ×', 'full fine-tuning', `Optimizer state ${bytesText(data.optimizer_bytes * sums.trainable)}`);
  else write(saving, sums.trainable ? `${timesText(data.full, sums.trainable)} ×` : '–', 'fewer than full fine-tuning',
    `Optimizer state ${bytesText(data.optimizer_bytes * sums.trainable)}, not ${bytesText(data.optimizer_bytes * data.full)}`);
}

const scoreText = (value) => value.toFixed(3);
const apart = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

// The measured score of exactly this setting, out of what Python sent; where there is none the nearest measured cell.
function paintScore(view, data, n1, n2) {
  const box = view.numbers.children[3], measured = data.measured;
  box.hidden = !measured;
  view.numbers.classList.toggle('scored', Boolean(measured));
  if (!measured) return;
  const [number, what, more] = box.children;
  const name = `${n1}-${n2}`, point = measured.fixed || measured.cells[name];
  if (!point) {
    const known = Object.keys(measured.cells).map((key) => [key, ...key.split('-').map(Number)]);
    const far = ([, a, b]) => Math.abs(a - n1) + Math.abs(b - n2);
    known.sort((a, b) => far(a) - far(b) || b[2] - a[2] || b[1] - a[1]);
    number.textContent = 'not measured';
    what.textContent = 'at exactly these boundaries';
    more.textContent = known.length ? `Nearest measured: SPAFIT-${known[0][0]}, ${scoreText(measured.cells[known[0][0]][0])}` : '';
    return;
  }
  const [mean, seeds, error] = point, said = [];
  number.textContent = error === null ? scoreText(mean) : `${scoreText(mean)} ± ${scoreText(error)}`;
  what.textContent = `${measured.metric} on validation, ${seeds === 1 ? '1 seed' : `mean of ${seeds} seeds ± standard error`}`;
  if (measured.baseline !== null) said.push(`baseline ${scoreText(measured.baseline)}`);
  if (measured.full !== null) said.push(`${apart(mean - measured.full)} to full fine-tuning`);
  if (measured.best) said.push(measured.best === name && !measured.fixed ? 'the best cell' : `${apart(mean - measured.best_mean)} to the best cell, ${measured.best}`);
  more.textContent = said.join(', ');
}

function paintEnds(view, data, most) {
  for (const [name, end, box] of [['head', view.head, view.headBar], ['embeddings', view.embeddings, view.embeddingsBar]]) {
    const row = data[name], style = data.palette[row.recipe];
    end.style.background = style.color;
    end.style.color = style.text;
    end.lastChild.textContent = row.trainable ? `${exact(row.trainable)} train` : 'frozen';
    end.title = `${name}: ${exact(row.trainable)} of ${exact(row.total)} parameters train`;
    paintBar(box.firstChild, data, [row.bias, 0, row.weight], most);
  }
}

// Which colors the bars have: only the kinds that this setting can show.
function paintLegend(view, data) {
  const rows = [[data.embeddings.bias, 0, data.embeddings.weight], [data.head.bias, 0, data.head.weight],
    ...data.layers.counts.flatMap((counts) => data.recipes.map((recipe) => counts[recipe]))];
  const kinds = ['bias', 'lora', 'weight'].filter((_, kind) => rows.some((row) => row[kind]));
  view.legend.replaceChildren(...kinds.map((kind) => {
    const chip = make('i', 'chip');
    chip.style.background = data.kinds[kind];
    return make('span', '', {}, chip, data.kind_labels[kind]);
  }));
}

function paint(view, data, n1, n2) {
  const sums = totals(data, n1, n2), bounds = [0, n1, n2, data.n];
  const most = Math.max(1, ...data.layers.counts.flatMap((counts) => data.recipes.map((recipe) => trainedIn(counts[recipe]))));
  for (let layer = 1; layer <= data.n; layer++) {
    const recipe = recipeAt(data, layer, n1, n2), node = view.layers[layer];
    if (node.dataset.recipe === recipe && view.most === most && view.lora === data.layers) continue;
    const style = data.palette[recipe], counts = layerCounts(data, layer, recipe);
    node.dataset.recipe = recipe;
    node.style.background = style.color;
    node.style.color = style.text;
    node.title = `layer ${layer}: ${style.label}, ${exact(trainedIn(counts))} of ${exact(counts[3])} parameters train`;
    node.setAttribute('aria-label', `${node.title}; opens its matrices`);
    paintBar(view.bars[layer], data, counts, most);
  }
  if (view.lora !== data.layers) paintLegend(view, data);
  view.most = most;
  view.lora = data.layers;
  [n1, n2].forEach((value, i) => {
    const handle = view.handles[i];
    handle.style.top = `${(data.n - value) * view.height}px`;
    handle.lastChild.textContent = `${value}`;
    handle.setAttribute('aria-valuenow', value);
    handle.setAttribute('aria-valuemin', i ? n1 : 0);
    handle.setAttribute('aria-valuemax', i ? data.n : n2);
    handle.setAttribute('aria-valuetext', `boundary ${i + 1} after layer ${value} of ${data.n}`);
  });
  paintLabels(view, data, bounds, sums);
  paintLane(view, data, sums);
  paintNumbers(view, data, sums);
  paintScore(view, data, n1, n2);
  paintEnds(view, data, most);
  return sums;
}
