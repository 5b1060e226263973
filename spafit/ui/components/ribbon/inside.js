// One opened layer: its matrices to scale, the LoRA adapters and biases on them, and what of it trains.
// A part is {label, note, out, in, bias, inert, trains: {recipe: 'w', 'l', 'b' in any combination}}; `in` is 1 for norms.

const SVG = 'http://www.w3.org/2000/svg';
const LARGEST_SIDE = 132; // px given to the largest side in the layer
const THINNEST = 2; // px, so that a pair of rank 8 and a bias can still be seen

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function partText(part, trains, rank) {
  const size = part.in === 1 ? exact(part.out) : `${exact(part.out)} × ${exact(part.in)}`;
  const learned = [];
  if (trains.includes('w')) learned.push('weight trains');
  if (trains.includes('l')) learned.push(`LoRA adapter of rank ${rank}: ${exact(rank * (part.in + part.out))} parameters`);
  if (trains.includes('b') && part.bias) learned.push(`bias trains: ${exact(part.bias)} parameters`);
  if (trains.includes('b') && part.inert) learned.push('but a key bias changes nothing: softmax cancels it');
  if (!part.bias) learned.push('has no bias');
  return `${part.label}, ${size}: ${learned.length ? learned.join('; ') : 'nothing trains'}`;
}

function drawPart(part, trains, data, scale) {
  const side = (length) => Math.max(THINNEST, length * scale);
  const width = part.in === 1 ? THINNEST * 2 : side(part.in), height = side(part.out), gap = 3;
  const rank = side(data.rank), lora = trains.includes('l');
  const full = { w: width + gap + THINNEST * 2 + (lora ? gap + rank : 0), h: height + (lora ? gap + rank : 0) };
  const picture = svg('svg', { width: full.w + 2, height: full.h + 2, viewBox: `-1 -1 ${full.w + 2} ${full.h + 2}`, 'aria-hidden': 'true' });
  const rect = (x, y, w, h, name) => picture.append(svg('rect', { x, y, width: w, height: h, rx: Math.min(2, w / 2, h / 2), class: name }));
  rect(0, 0, width, height, trains.includes('w') ? 'weight on' : 'weight');
  if (lora) {
    rect(0, height + gap, width, rank, 'pair');
    rect(width + gap, 0, rank, height, 'pair');
  }
  if (part.bias) rect(width + gap + (lora ? rank + gap : 0), 0, THINNEST * 2, height, trains.includes('b') ? (part.inert ? 'bias inert' : 'bias on') : 'bias');
  const figure = make('figure', 'part', { title: partText(part, trains, data.rank) });
  const caption = make('figcaption', '', {}, make('b', '', {}, part.label));
  caption.append(make('span', '', {}, part.in === 1 ? exact(part.out) : `${exact(part.out)} × ${exact(part.in)}`));
  if (part.note) caption.append(make('span', '', {}, part.note));
  figure.append(picture, caption, make('span', 'sr', {}, partText(part, trains, data.rank)));
  return figure;
}

function drawInside(box, data, layer, n1, n2, close) {
  const recipe = recipeAt(data, layer, n1, n2), style = data.palette[recipe];
  const parts = data.layers.parts[data.layers.kind[layer - 1]];
  const counts = layerCounts(data, layer, recipe);
  const scale = LARGEST_SIDE / Math.max(...parts.map((part) => Math.max(part.out, part.in)));
  const button = make('button', 'close', { type: 'button', 'aria-label': `Close layer ${layer}` }, '×');
  button.onclick = close;
  const swatch = make('i', 'swatch');
  swatch.style.background = style.color;
  const heading = make('div', 'inside-head', {}, swatch, make('b', '', {}, `Layer ${layer}: ${style.label}`),
    make('span', '', {}, `${exact(trainedIn(counts))} of ${exact(counts[3])} parameters train`), button);
  const grid = make('div', 'parts', {}, ...parts.map((part) => drawPart(part, part.trains[recipe], data, scale)));
  grid.classList.toggle('noted', parts.some((part) => part.note));
  const key = make('p', 'key', {});
  for (const [name, text] of [['weight', 'frozen weight'], ['weight on', 'trained weight'], ['pair', `LoRA adapter (rank ${data.rank})`], ['bias on', 'trained bias'], ['bias', 'frozen bias']]) {
    key.append(make('span', '', {}, make('i', `chip ${name}`), text));
  }
  key.append(make('span', '', {}, `Drawn to scale; the thinnest strips are widened to ${THINNEST} px.`));
  box.replaceChildren(heading, grid, key);
}
