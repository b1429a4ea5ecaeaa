extension GradientPage {
  /// Elements, numbers and small pictures. Names become text nodes and nothing else.
  static let support = #"""
    const $ = (id) => document.getElementById(id);
    const SVG = 'http://www.w3.org/2000/svg';

    function fill(node, attributes, children) {
      for (const [name, value] of Object.entries(attributes || {})) {
        if (value !== null && value !== undefined) node.setAttribute(name, value);
      }
      for (const child of [].concat(children ?? [])) {
        if (child !== null && child !== undefined) node.append(child);
      }
      return node;
    }
    const el = (tag, attributes, children) =>
      fill(document.createElement(tag), attributes, children);
    const draw = (tag, attributes, children) =>
      fill(document.createElementNS(SVG, tag), attributes, children);

    /* JSON has no word for what is not finite. */
    const words = { inf: Infinity, '-inf': -Infinity, nan: NaN };
    const number = (value) => typeof value === 'string' ? words[value] : value;

    function format(raw, digits = 5) {
      const value = number(raw);
      if (value === null || value === undefined) return '–';
      if (Number.isNaN(value)) return 'NaN';
      if (!Number.isFinite(value)) return value < 0 ? '−∞' : '∞';
      const size = Math.abs(value);
      let text;
      if (Number.isInteger(value) && size < 1e7) text = String(size);
      else if (size >= 1e6 || size < 1e-3) text = size.toExponential(digits - 1);
      else text = size.toPrecision(digits);
      /* 0.5 rather than 0.50000, where that is all. */
      if (Number(text) === size && String(size).length < text.length) text = String(size);
      return (value < 0 ? '−' : '') + text.replace('e-', 'e−').replace('e+', 'e');
    }
    /* For pictures, where three digits say enough. */
    function brief(raw) {
      const value = number(raw);
      if (!Number.isFinite(value) || Number.isInteger(value)) return format(raw);
      const size = Math.abs(value);
      const text = size >= 1e5 || size < 1e-3 ? size.toExponential(1) : size.toPrecision(3);
      return (value < 0 ? '−' : '') + text.replace('e-', 'e−').replace('e+', 'e');
    }

    /* A number of the report: `path` is its JSON pointer. */
    function shown(path, tag) {
      const value = at(path);
      const text = Array.isArray(value)
        ? '[' + value.map((part) => format(part)).join(', ') + ']' : format(value);
      const isKnown = value !== undefined && value !== null;
      return el(tag || 'td', { 'data-path': isKnown ? path : null }, text);
    }
    const at = (path) => path.split('/').slice(1)
      .reduce((value, key) => value === undefined || value === null ? undefined : value[key],
        data.report);

    function table(head, rows, label) {
      /* Words stand below words. */
      const cells = rows.length && rows[0].children.length === head.length
        ? [...rows[0].children] : [];
      const top = el('tr', {}, head.map((text, index) => el('th', { scope: 'col',
        class: cells[index]?.classList.contains('text') ? 'text' : null }, text)));
      return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
        el('table', {}, [el('thead', {}, top), el('tbody', {}, rows)]));
    }
    const row = (name, cells, style) => el('tr', { class: style ?? null },
      [el('th', { scope: 'row' }, name)].concat(cells));
    const card = (title, note, children) => el('section', { class: 'card' },
      [el('h2', {}, title), note ? el('p', { class: 'note' }, note) : null].concat(children));

    function histogram(spread, label) {
      const bins = spread.histogram;
      const facts = spread.statistics;
      const odd = facts.nan + facts.positiveInfinity + facts.negativeInfinity;
      if (!bins) return el('p', { class: 'note' }, 'No finite value.');
      const most = Math.max(...bins.counts);
      const [width, height] = [340, 74];
      const step = width / bins.counts.length;
      const total = bins.counts.reduce((a, b) => a + b, 0);
      const text = label + ': ' + total + ' finite values from ' + brief(bins.low) + ' to '
        + brief(bins.high) + '; most, ' + most + ', in bin '
        + (bins.counts.indexOf(most) + 1) + ' of ' + bins.counts.length + '; ' + bins.zeros
        + ' zeros, ' + odd + ' not finite. Counts: ' + bins.counts.join(', ') + '.';
      const bars = bins.counts.map((count, index) => draw('rect', {
        x: (index * step + 0.5).toFixed(2), width: Math.max(0.5, step - 1).toFixed(2),
        y: (height - height * count / most).toFixed(2),
        height: (height * count / most).toFixed(2) }));
      const words = [
        draw('text', { x: 0, y: height + 14 }, brief(bins.low)),
        draw('text', { x: width, y: height + 14, 'text-anchor': 'end' }, brief(bins.high)),
        draw('text', { x: width / 2, y: height + 14, 'text-anchor': 'middle' },
          bins.zeros + ' zeros' + (odd ? ', ' + odd + ' not finite' : '')),
      ];
      const axis = draw('line', { x1: 0, x2: width, y1: height, y2: height,
        stroke: 'currentColor', 'stroke-width': 0.6 });
      return draw('svg', { class: 'histogram', viewBox: '0 0 340 92', role: 'img',
        'aria-label': text }, bars.concat([axis], words));
    }

    """#

  /// What the page knows.
  static let model = #"""
    const data = JSON.parse($('p-data').textContent);
    const { report, roots, nodes, edges, boxes, lines } = data;
    const total = roots.length - 1;
    const nodeOf = new Map(nodes.map((node) => [node.id, node]));
    const edgeOf = new Map(edges.map((edge) => [edge.from + ' ' + edge.to, edge]));
    const boxOf = new Map(boxes.flatMap((box) => box.nodes.map((id) => [id, box])));
    for (const line of lines) {
      line.parts = line.edges.map(([from, to]) => edgeOf.get(from + ' ' + to)).filter(Boolean);
    }
    /* What is shown: forward, a root by number, or compiled. */
    const asWritten = 'in the graph as written: its draws lowered by their estimators, nothing '
      + 'rewritten or stabilised.';
    const views = [{ key: 'forward', label: 'Forward',
      what: 'What is computed ' + asWritten }]
      .concat(roots.map((root, index) => ({ key: String(index), root: index,
        label: index === total ? 'Total: ∂' + root.name : '∂' + root.name,
        what: 'What flows back from ' + root.name
          + (index === total ? ' ' : ', weighted as in ' + roots[total].name + ', ')
          + asWritten })))
      .concat([{ key: 'compiled', label: 'Compiled', root: total,
        what: 'Arrows: the graph as written. Beside the boxes: how far the graph that runs, '
          + 'stabilised and with all passes done, is from it. Dashed frames: what that graph '
          + 'computes in one go.' }]);
    const styleOf = (root) => root === total ? 'root-all' : 'root-' + root % 5;
    const state = { view: views[0], chosen: null, near: null };

    /* The norm of what flows along a line; undefined where nothing does. */
    function flowAlong(line, root) {
      const norms = line.parts.map((edge) => number(edge.norms[root]))
        .filter((norm) => norm !== null && norm !== undefined);
      return norms.length === 0 ? undefined : Math.hypot(...norms);
    }
    const blockAlong = (line, root) =>
      line.parts.map((edge) => edge.blocked[root]).find((reason) => reason);
    const gradientAt = (node, root) => node.gradients[root];

    const norms = lines.flatMap((line) => roots.map((_, root) => flowAlong(line, root)))
      .filter((norm) => norm > 0 && Number.isFinite(norm)).map(Math.log10);
    const high = norms.length ? Math.max(...norms) : 0;
    /* Six decades tell large from small; what is smaller is thin. */
    const low = norms.length ? Math.max(Math.min(...norms), high - 6) : 0;
    const width = (norm) => !Number.isFinite(norm) ? 9
      : 1.4 + 6.6 * Math.min(1, Math.max(0, (Math.log10(norm) - low) / (high - low || 1)));

    """#
}
