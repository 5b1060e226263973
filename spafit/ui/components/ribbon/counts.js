// Sums over the per-layer numbers that Python sent (counting.recipe_table); nothing is counted here anew.
// data.layers.kind[i] is the kind of layer i + 1, data.layers.counts[kind][recipe] is [bias, lora, weight, total].

const layerCounts = (data, layer, recipe) => data.layers.counts[data.layers.kind[layer - 1]][recipe];
const stratumOf = (layer, n1, n2) => (layer <= n1 ? 0 : layer <= n2 ? 1 : 2);
const recipeAt = (data, layer, n1, n2) => data.recipes[stratumOf(layer, n1, n2)];
const trainedIn = ([bias, lora, weight]) => bias + lora + weight;

// What a setting amounts to: trained and present parameters, the same per stratum, and the lowest part that trains
// (0 the embeddings, 1..n a layer, n + 1 the head, null nothing).
function totals(data, n1, n2) {
  const strata = [0, 1, 2].map(() => ({ trainable: 0, size: 0, least: Infinity, most: 0 }));
  let trainable = data.embeddings.trainable + data.head.trainable;
  let total = data.embeddings.total + data.head.total;
  let lowest = data.embeddings.trainable ? 0 : null;
  for (let layer = 1; layer <= data.n; layer++) {
    const counts = layerCounts(data, layer, recipeAt(data, layer, n1, n2));
    const trained = trainedIn(counts), stratum = strata[stratumOf(layer, n1, n2)];
    stratum.trainable += trained;
    stratum.size += 1;
    stratum.least = Math.min(stratum.least, trained);
    stratum.most = Math.max(stratum.most, trained);
    trainable += trained;
    total += counts[3];
    if (lowest === null && trained) lowest = layer;
  }
  if (lowest === null && data.head.trainable) lowest = data.n + 1;
  return { trainable, total, strata, lowest };
}

const exact = (number) => Math.round(number).toLocaleString('en-US');
const spanText = (first, last) =>
  last < first ? 'no layers' : first === last ? `layer ${first}` : `layers ${first}–${last}`;

function percentText(part, whole) {
  const percent = (100 * part) / whole;
  return `${percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}

function bytesText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']; // as spafit.quantities.bytes_text
  let power = 0;
  while (bytes >= 999.5 && power < units.length - 1) { bytes /= 1000; power += 1; }
  return `${Number(bytes.toPrecision(3)).toLocaleString('en-US')} ${units[power]}`;
}

function timesText(many, few) {
  const ratio = many / few;
  return ratio >= 99.5 ? exact(Number(ratio.toPrecision(3))) : ratio >= 9.95 ? ratio.toFixed(0) : ratio.toFixed(1);
}
