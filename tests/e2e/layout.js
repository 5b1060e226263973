// What a person would see as broken: clipped words, things outside the window, controls that lie on each other.
// The lesson's bar stays at the window's bottom on purpose, over what is scrolled beneath it.
() => {
  const problems = [], main = document.querySelector('[data-testid=stMain]');
  const all = (root, found = []) => {
    for (const node of root.querySelectorAll('*')) { found.push(node); if (node.shadowRoot) all(node.shadowRoot, found); }
    return found;
  };
  const nodes = all(main).filter((node) => {
    const style = getComputedStyle(node);
    return style.visibility !== 'hidden' && style.display !== 'none' && node.getClientRects().length && !node.closest('.sr, [aria-hidden=true], [inert]');
  });
  const words = (node) => (node.innerText || node.getAttribute('aria-label') || node.tagName).trim().replace(/\s+/g, ' ').slice(0, 40);
  const cut = (node) => { // an ancestor that scrolls on purpose, such as a table, or hides a tooltip
    for (let at = node; at && at !== main; at = at.parentElement || at.getRootNode().host) {
      const style = getComputedStyle(at);
      if (['auto', 'scroll'].includes(style.overflowX) || at.matches('[data-testid=stDataFrame], pre, svg, .js-plotly-plot')) return true;
    }
    return false;
  };
  const width = main.clientWidth, left = main.getBoundingClientRect().left;
  for (const node of nodes) {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || box.width < 2) continue;
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || cut(node)) continue;
    if (box.left < left - 1 || box.right > left + width + 1) problems.push(`outside: ${words(node)}`);
    const style = getComputedStyle(node);
    if (node.scrollWidth > node.clientWidth + 1 && node.clientWidth && style.overflowX !== 'visible' && !node.closest('[data-testid=stSelectbox]'))
      problems.push(`clipped: ${words(node)}`);
  }
  const controls = nodes.filter((node) => node.matches('button, input, [role=slider], [role=radio], [role=combobox]') && !node.closest('.ribbon') && !cut(node));
  const boxes = controls.map((node) => [node, node.getBoundingClientRect()]).filter(([, box]) => box.width > 3 && box.height > 3);
  boxes.forEach(([a, x], i) => boxes.slice(i + 1).forEach(([b, y]) => {
    if (!a.closest('.st-key-lesson_bar') !== !b.closest('.st-key-lesson_bar')) return;
    if (a.contains(b) || b.contains(a) || a.closest('label, [data-baseweb], [data-testid=stNumberInputContainer]') === (b.closest('label, [data-baseweb], [data-testid=stNumberInputContainer]') ?? 0)) return;
    const wide = Math.min(x.right, y.right) - Math.max(x.left, y.left), high = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
    if (wide > 2 && high > 2) problems.push(`overlap: ${words(a)} / ${words(b)}`);
  }));
  return [...new Set(problems)];
}
