extension GradientPage {
  /// The drawing: zoom, the gradient over it, and keys to walk along it.
  static let graph = #"""
    const svg = $('p-graph').querySelector('svg');
    const canvas = svg.querySelector('.graph');
    const whole = svg.viewBox.baseVal;
    const home = { x: whole.x, y: whole.y, w: whole.width, h: whole.height };
    let camera = { ...home };
    svg.removeAttribute('width');
    svg.removeAttribute('height');
    const over = draw('g', { id: 'p-flow', 'aria-hidden': 'true' });
    canvas.append(over);

    function look(next) {
      const most = Math.max(home.w, home.h) * 2;
      const least = 60;
      const scale = Math.min(1, most / next.w, most / next.h)
        * Math.max(1, least / Math.min(next.w, next.h));
      camera = { ...next, w: next.w * scale, h: next.h * scale };
      svg.setAttribute('viewBox', [camera.x, camera.y, camera.w, camera.h]
        .map((part) => part.toFixed(2)).join(' '));
    }
    /* Zooms round a place given as shares of the camera. */
    const zoom = (factor, x = 0.5, y = 0.5) => look({
      x: camera.x + camera.w * x * (1 - factor), y: camera.y + camera.h * y * (1 - factor),
      w: camera.w * factor, h: camera.h * factor });
    const pixels = () => svg.getBoundingClientRect();
    /* A place in the canvas, in the coordinates of the camera. */
    const place = (x, y) => {
      const { matrix } = canvas.transform.baseVal.consolidate();
      const point = new DOMPoint(x, y).matrixTransform(matrix);
      return [point.x, point.y];
    };
    function middle(box) {
      const bounds = elementOf(box).getBBox();
      return place(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2);
    }
    const elementOf = (box) => $(box.id);
    /* The draw with what stands round it, at a size at which it can be read. */
    function lookAtDraw() {
      const site = nodes.find((node) => node.name === report.node);
      const box = site && boxOf.get(site.id);
      const bounds = pixels();
      const scale = Math.min(1.25, Math.max(bounds.width / home.w, 0.85));
      const w = (bounds.width || 800) / scale;
      const h = (bounds.height || 600) / scale;
      if (!box || (w >= home.w && h >= home.h)) return look({ ...home });
      const [x, y] = middle(box);
      const inside = (low, size, from, all) => size >= all ? from + (all - size) / 2
        : Math.min(Math.max(low, from), from + all - size);
      look({ x: inside(x - w / 2, w, home.x, home.w), y: inside(y - h / 2, h, home.y, home.h),
        w, h });
    }
    /* Moves the camera only as far as a box needs to be seen. */
    function reveal(box) {
      const [x, y] = middle(box);
      const margin = 0.12;
      const shift = (at, from, size) => at < from + size * margin ? at - size * margin - from
        : at > from + size * (1 - margin) ? at - size * (1 - margin) - from : 0;
      const [dx, dy] = [shift(x, camera.x, camera.w), shift(y, camera.y, camera.h)];
      if (dx || dy) look({ ...camera, x: camera.x + dx, y: camera.y + dy });
    }

    function watchCamera() {
      $('p-in').addEventListener('click', () => zoom(0.75));
      $('p-out').addEventListener('click', () => zoom(1 / 0.75));
      $('p-fit').addEventListener('click', () => look({ ...home }));
      $('p-site').textContent = 'At ' + report.node;
      $('p-site').addEventListener('click', lookAtDraw);
      const frame = $('p-graph');
      frame.addEventListener('wheel', (event) => {
        event.preventDefault();
        const bounds = pixels();
        zoom(Math.exp(event.deltaY * (event.deltaMode ? 0.05 : 0.0015)),
          (event.clientX - bounds.left) / bounds.width,
          (event.clientY - bounds.top) / bounds.height);
      }, { passive: false });
      let grip = null;
      frame.addEventListener('pointerdown', (event) => {
        if (event.button === 0) grip = { x: event.clientX, y: event.clientY, moved: false };
      });
      window.addEventListener('pointermove', (event) => {
        if (!grip) return;
        const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
        if (!grip.moved && Math.hypot(dx, dy) < 4) return;
        const bounds = pixels();
        const scale = Math.max(camera.w / bounds.width, camera.h / bounds.height);
        frame.classList.add('moving');
        look({ ...camera, x: camera.x - dx * scale, y: camera.y - dy * scale });
        grip = { x: event.clientX, y: event.clientY, moved: true };
      });
      window.addEventListener('pointerup', () => {
        grip = null;
        frame.classList.remove('moving');
      });
    }

    /* The points of a line's path from the value (tail) to its user (head). */
    function samples(line) {
      const path = $(line.id) && $(line.id).querySelector('path');
      if (!path) return [];
      const length = path.getTotalLength();
      const count = Math.max(2, Math.ceil(length / 2.5));
      const points = [];
      for (let index = 0; index <= count; index += 1) {
        const point = path.getPointAtLength(length * index / count);
        points.push([point.x, point.y]);
      }
      return line.isReversed ? points.reverse() : points;
    }
    const trace = (points) => 'M' + points
      .map(([x, y]) => x.toFixed(1) + ' ' + y.toFixed(1)).join('L');
    const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

    /* Gradient back to the value: an arrow whose line begins where its tip ends. */
    function arrow(line, norm, style, root) {
      const points = samples(line);
      if (points.length < 2) return;
      const size = width(norm);
      const tip = 5 + size * 1.5;
      const start = points.findIndex((point) => distance(point, points[0]) >= tip * 0.8);
      const from = start < 1 ? points.length - 1 : start;
      const [a, b] = [points[0], points[from]];
      const length = distance(a, b) || 1;
      const [ux, uy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
      const half = 2.6 + size * 0.75;
      const back = [a[0] + ux * tip, a[1] + uy * tip];
      const name = nameOfLine(line) + ': ‖∂' + roots[root].name + '‖ ' + format(norm);
      if (from < points.length - 1) {
        over.append(draw('path', { class: 'flow ' + style, d: trace(points.slice(from)),
          'stroke-width': size.toFixed(2), 'data-line': line.id }, draw('title', {}, name)));
      }
      const shape = draw('path', { class: 'tip', d: 'M' + [a, [back[0] - uy * half,
        back[1] + ux * half], [back[0] + uy * half, back[1] - ux * half]]
        .map((point) => point.map((part) => part.toFixed(1)).join(' ')).join('L') + 'Z' });
      shape.style.fill = 'var(--' + (style === 'root-all' ? 'all' : style) + ')';
      over.append(shape);
    }

    /* Gradient that stops: a stub from the user, a bar, and the reason. */
    function bar(line, reason) {
      const points = samples(line).reverse();
      if (points.length < 2) return;
      const end = Math.max(1, Math.floor(points.length * 0.55));
      const [a, b] = [points[end - 1], points[end]];
      const length = distance(a, b) || 1;
      const [ux, uy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
      const short = reason.replace(/ \(at '[^]*$/, '');
      const head = short.length > 44 ? short.split(/[:;,]/)[0] : short;
      const text = head.length > 44 ? head.slice(0, 43) + '…' : head;
      const user = line.edges[0][1] + ' ' + text;
      const isSaid = said.has(user);
      said.add(user);
      over.append(
        draw('path', { class: 'flow stop', d: trace(points.slice(0, end + 1)),
          'stroke-width': 1.6, 'data-blocked': line.id },
        draw('title', {}, nameOfLine(line) + ' is blocked: ' + reason)),
        draw('path', { class: 'bar', d: trace([[b[0] - uy * 8, b[1] + ux * 8],
          [b[0] + uy * 8, b[1] - ux * 8]]) }));
      if (isSaid) return;
      over.append(draw('text', { class: 'why', x: (b[0] + 12).toFixed(1),
        y: (b[1] + 3).toFixed(1) }, text));
    }
    /* Reasons that stand beside a bar already, by user. */
    const said = new Set();

    /* A way that an estimator adds: from the cost to a parameter of the draw, on no drawn edge. */
    function detour(box, norm, style, root, index) {
      const cost = nodes.find((node) => node.name === roots[root].name);
      const start = cost && boxOf.get(cost.id);
      if (!start || start === box || !(norm > 0)) return;
      const [from, to] = [elementOf(start).getBBox(), elementOf(box).getBBox()];
      const a = [from.x + from.width, from.y + from.height / 2];
      /* Its tip stands below the box's corner; it comes from the right. */
      const b = [to.x + to.width + 18, to.y + to.height + 16];
      const ends = [a, [Math.max(a[0], b[0]) + 90, a[1]], [b[0] + 110, b[1] + 60], b];
      const points = [];
      for (let at = 0; at <= 60; at += 1) {
        const t = at / 60;
        const parts = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
        points.push([0, 1].map((axis) =>
          parts.reduce((sum, part, corner) => sum + part * ends[corner][axis], 0)));
      }
      const place = points[Math.max(0, 34 - 6 * index)];
      const size = width(norm);
      const color = 'var(--' + (style === 'root-all' ? 'all' : style) + ')';
      const [ux, uy] = [110 / Math.hypot(110, 60), 60 / Math.hypot(110, 60)];
      const half = 4 + size * 0.7;
      const tip = draw('path', { class: 'tip', d: trace([[b[0] - ux * 14, b[1] - uy * 14],
        [b[0] - uy * half, b[1] + ux * half], [b[0] + uy * half, b[1] - ux * half]]) + 'Z' });
      tip.style.fill = color;
      over.append(draw('path', { class: 'flow detour ' + style, d: trace(points),
        'stroke-width': size.toFixed(2), 'data-detour': box.id }, draw('title', {},
        'cost · ∂ln q: ‖∂' + roots[root].name + '‖ ' + format(norm))), tip,
      draw('text', { class: 'amount', x: (place[0] + 8).toFixed(1),
        y: place[1].toFixed(1) }, 'cost · ∂ln q  ' + brief(norm)));
    }
    const nameOfLine = (line) => line.edges.map(([from, to]) =>
      nodeOf.get(to).name + ' → ' + nodeOf.get(from).name).join(', ');

    function amount(box, text) {
      const bounds = elementOf(box).getBBox();
      over.append(draw('text', { class: 'amount', x: (bounds.x + bounds.width + 6).toFixed(1),
        y: (bounds.y + bounds.height - 3).toFixed(1) }, text));
    }

    function drawFlow() {
      over.replaceChildren();
      said.clear();
      const { root, key } = state.view;
      canvas.classList.toggle('flowing', root !== undefined);
      for (const box of boxes) {
        const isStill = root !== undefined && box.nodes.every((id) => {
          const gradient = gradientAt(nodeOf.get(id), root);
          return !gradient || !gradient.spread;
        });
        const element = elementOf(box);
        element.classList.toggle('still', isStill);
        element.setAttribute('aria-label', describe(box));
        if (root === undefined) continue;
        const own = box.nodes.length === 1 ? nodeOf.get(box.nodes[0]) : null;
        if (own && own.isNoise) amount(box, 'no gradient');
        const gradient = own && gradientAt(own, root);
        if (key === 'compiled') {
          if (own && own.compiled) {
            amount(box, (own.group === undefined ? '' : '#' + own.group + '  ')
              + brief(own.compiled.ulps) + ' ulp');
          }
        } else if (gradient && gradient.spread) {
          amount(box, brief(gradient.spread.statistics.norm));
        }
      }
      if (key === 'compiled') outlineGroups();
      if (root === undefined) return;
      for (const line of lines) {
        const norm = flowAlong(line, root);
        const reason = blockAlong(line, root);
        if (norm !== undefined) arrow(line, norm, norm === 0 ? 'root-none' : styleOf(root), root);
        else if (reason) bar(line, reason);
      }
      for (const [index, { name, role }] of report.rows.entries()) {
        const node = role === 'draw' ? null : nodes.find((found) => found.name === name);
        const norm = node && number(gradientAt(node, root).besides);
        if (norm > 0) detour(boxOf.get(node.id), norm, styleOf(root), root, index);
      }
    }

    /* What a training step computes in one go. */
    function outlineGroups() {
      for (const box of boxes) {
        const groups = new Set(box.nodes.map((id) => nodeOf.get(id).group)
          .filter((group) => group !== undefined));
        if (groups.size === 0) continue;
        const bounds = elementOf(box).getBBox();
        over.append(draw('rect', { class: 'hull', rx: 6, x: bounds.x - 4, y: bounds.y - 4,
          width: bounds.width + 8, height: bounds.height + 8 }));
      }
    }

    /* A box in words, for those who do not see it. */
    function describe(box) {
      const { root, key } = state.view;
      return box.nodes.map((id) => {
        const node = nodeOf.get(id);
        let text = node.name + ', ' + node.type;
        if (node.value) text += ', value norm ' + brief(node.value.statistics.norm);
        if (root === undefined) return text;
        const gradient = gradientAt(node, root);
        if (!gradient) return text;
        text += gradient.spread
          ? ', gradient of ' + roots[root].name + ' norm ' + brief(gradient.spread.statistics.norm)
          : ', no gradient of ' + roots[root].name;
        if (key === 'compiled' && node.compiled) text += ', ' + brief(node.compiled.ulps) + ' ulp';
        return text;
      }).join('; ');
    }

    /* Where an arrow key leads: down to a user, up to an operand, aside to a sibling. */
    function step(box, key) {
      const id = new Set(box.nodes);
      const unique = (list) => [...new Set(list)].filter((other) => other && other !== box);
      const below = (ids) => unique(edges.filter((edge) => ids.has(edge.from))
        .map((edge) => boxOf.get(edge.to)));
      const above = (ids) => unique(edges.filter((edge) => ids.has(edge.to))
        .map((edge) => boxOf.get(edge.from)));
      if (key === 'ArrowDown') return below(id)[0];
      if (key === 'ArrowUp') return above(id)[0];
      const siblings = new Set([box]);
      for (const parent of above(id)) for (const other of below(new Set(parent.nodes))) {
        siblings.add(other);
      }
      for (const child of below(id)) for (const other of above(new Set(child.nodes))) {
        siblings.add(other);
      }
      const order = [...siblings].sort((a, b) => middle(a)[0] - middle(b)[0]);
      const next = order.indexOf(box) + (key === 'ArrowRight' ? 1 : -1);
      return order[(next + order.length) % order.length];
    }

    function watchBoxes() {
      for (const [index, box] of boxes.entries()) {
        const element = elementOf(box);
        element.classList.add('box');
        element.setAttribute('role', 'button');
        element.setAttribute('aria-pressed', 'false');
        element.setAttribute('tabindex', index === 0 ? '0' : '-1');
        const bounds = element.getBBox();
        element.append(draw('rect', { class: 'ring', rx: 7, x: bounds.x - 4, y: bounds.y - 4,
          width: bounds.width + 8, height: bounds.height + 8 }));
        element.addEventListener('pointerenter', () => show(box, false));
        element.addEventListener('pointerleave', () => show(state.chosen, false));
        element.addEventListener('click', () => choose(box));
        element.addEventListener('focus', () => {
          for (const other of boxes) elementOf(other).setAttribute('tabindex', '-1');
          element.setAttribute('tabindex', '0');
          reveal(box);
          show(box, false);
        });
        element.addEventListener('keydown', (event) => {
          if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            choose(box);
          } else if (event.key.startsWith('Arrow')) {
            event.preventDefault();
            const next = step(box, event.key);
            if (next) elementOf(next).focus({ preventScroll: true });
          }
        });
      }
    }

    /* Keeps a box in the panel; a second time lets it go. */
    function choose(box) {
      state.chosen = state.chosen === box ? null : box;
      for (const other of boxes) {
        const isChosen = other === state.chosen;
        elementOf(other).classList.toggle('chosen', isChosen);
        elementOf(other).setAttribute('aria-pressed', String(isChosen));
      }
      show(box, true);
    }

    """#
}
