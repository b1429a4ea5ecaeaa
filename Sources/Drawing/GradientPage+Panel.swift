extension GradientPage {
  /// The side panel: one node in words, numbers and pictures; and the key below the graph.
  static let panel = #"""
    const columns = [['norm', 'norm'], ['rms', 'rms'], ['mean', 'mean'],
      ['sd', 'standardDeviation'], ['min', 'minimum'], ['max', 'maximum'],
      ['zero %', 'zeroPercent'], ['NaN', 'nan'], ['+∞', 'positiveInfinity'],
      ['−∞', 'negativeInfinity']];

    function show(box, announces) {
      if (!box) box = siteBox;
      state.near = box;
      const members = box.nodes.map((id) => nodeOf.get(id));
      const panel = $('p-panel');
      const index = Math.max(0, members.findIndex((node) => node === state.member));
      const parts = [];
      if (members.length > 1) {
        parts.push(el('div', { class: 'members', role: 'group', 'aria-label': 'Nodes in this box' },
          members.map((node, at) => {
            const button = el('button', { type: 'button', 'aria-pressed': at === index },
              node.name);
            button.addEventListener('click', () => {
              state.member = node;
              if (state.chosen !== box) choose(box);
              show(box, true);
            });
            return button;
          })));
      }
      panel.replaceChildren(...parts.concat(panelOf(members[index])));
      if (announces) $('p-live').textContent = describe(box);
    }

    function panelOf(node) {
      const { root } = state.view;
      const facts = [node.type, node.place, node.group === undefined ? null
        : 'fused group #' + node.group].filter(Boolean).join(' · ');
      const parts = [el('h2', {}, node.name),
        ...mathematicsOf(node.formula, null), el('p', { class: 'facts' }, facts)];
      if (node.gradientFormula && root === total) {
        parts.push(...mathematicsOf(node.gradientFormula,
          '∂' + roots[total].name + '/∂' + node.name + ' = '));
      }
      if (node.draws > 1) {
        parts.push(el('p', { class: 'facts' }, 'Of the first of ' + node.draws
          + ' draws, whose share of the loss is 1/' + node.draws + '.'));
      }
      const gradients = node.gradients.map((gradient, index) => ({ gradient, index }))
        .filter(({ gradient }) => gradient.spread);
      const listed = [];
      const first = node.draws > 1 ? ', draw 1' : '';
      if (node.value) listed.push(['value' + first, node.value, null]);
      const isCompiled = state.view.key === 'compiled';
      for (const { gradient, index } of gradients) {
        if (isCompiled && index !== total) continue;
        listed.push(['∂' + roots[index].name + first, gradient.spread, index]);
      }
      if (isCompiled && node.compiled) {
        listed.push(['compiled' + first, node.compiled.spread, total]);
      }
      if (listed.length) {
        const rows = columns.map(([title, key]) => row(title, listed.map(([, spread]) =>
          el('td', {}, format(spread.statistics[key], 4)))));
        parts.push(table([''].concat(listed.map(([title]) => title)), rows, 'Statistics'));
      }
      if (node.compiled) {
        parts.push(el('p', { class: 'facts' },
          'Compiled and written differ by ' + format(node.compiled.ulps) + ' ulp at most.'));
      }
      for (const { refusal, root: name } of refusals(node)) {
        parts.push(el('p', { class: 'facts' }, '⊣ ' + name + ': ' + refusal));
      }
      if (node.isNoise) parts.push(el('p', { class: 'facts' }, 'Noise: a leaf with no gradient.'));
      const split = gradients.filter(({ index }) => index !== total);
      if (split.length > 1) parts.push(el('h3', {}, 'Path split by norm' + first), splitBar(split));
      const besides = root === undefined ? null : gradientAt(node, root)?.besides;
      if (besides !== null && besides !== undefined) {
        parts.push(el('p', { class: 'facts' }, 'Norm ' + format(besides)
          + ' comes on ways that the estimator adds, beside the edges drawn.'));
      }
      if (node.value) parts.push(el('h3', {}, 'Value'), histogram(node.value, 'value'));
      const own = root === undefined ? null : gradientAt(node, root);
      if (own && own.spread) {
        const title = '∂' + roots[root].name + '/∂' + node.name;
        parts.push(el('h3', {}, title), histogram(own.spread, title));
      }
      return parts;
    }
    /* Code; of what is long the beginning, the whole on request. */
    const longest = 180;
    function codeOf(text) {
      if (text.length <= longest) return [el('code', {}, text)];
      const short = [...text].slice(0, longest - 1).join('') + '…';
      return [el('code', { title: text }, short),
        el('details', {}, [el('summary', {}, 'The whole'), el('code', {}, text)])];
    }
    function mathematicsOf(formula, head) {
      const parts = [el('div', { class: 'formula' }, codeOf((head ?? '') + formula.text))];
      if (formula.meanings.length) {
        parts.push(el('div', { class: 'facts' }, ['where '].concat(
          codeOf(formula.meanings.join(', ')))));
      }
      return parts;
    }
    const refusals = (node) => node.gradients.flatMap((gradient, index) =>
      gradient.refusal ? [{ refusal: gradient.refusal, root: '∂' + roots[index].name }] : []);

    /* Shares of norms, in the colours of the roots. */
    function splitBar(split) {
      const sizes = split.map(({ gradient }) => number(gradient.spread.statistics.norm));
      const sum = sizes.reduce((a, b) => a + b, 0);
      const text = split.map(({ index }, at) => roots[index].name + ' '
        + (Number.isFinite(sum) ? (sum > 0 ? (100 * sizes[at] / sum).toFixed(1) : '0') + ' %'
          : format(sizes[at]))).join(', ');
      const bar = el('div', { class: 'split', role: 'img', 'aria-label': text },
        shareBars(split.map(({ index }, at) => ['root-' + index % 5, sizes[at]])));
      return el('div', {}, [bar, el('p', { class: 'facts' }, text)]);
    }
    /* Pairs of a colour and a size as parts of a bar; none where there are no shares. */
    function shareBars(parts) {
      const sizes = parts.map(([, size]) => size);
      if (!sizes.every((size) => Number.isFinite(size))) return [];
      const sum = sizes.reduce((a, b) => a + b, 0) || 1;
      return parts.map(([color], index) => {
        if (sizes[index] === 0) return null;
        const part = el('i');
        /* Shares below 1 in all would leave room. */
        part.style.flexGrow = String(100 * sizes[index] / sum);
        part.style.background = 'var(--' + color + ')';
        return part;
      });
    }

    function swatch(style, size) {
      return draw('svg', { viewBox: '0 0 44 14', 'aria-hidden': 'true' },
        draw('line', { x1: 2, x2: 42, y1: 7, y2: 7, class: style, 'stroke-width': size }));
    }

    function drawKey() {
      const { root, key } = state.view;
      const parts = [];
      const item = (picture, text) => parts.push(el('span', {}, [picture, text]));
      if (root === undefined) {
        parts.push(el('span', {}, 'Values flow down. Hover, click or use the arrow keys.'));
      } else {
        const style = styleOf(root);
        const range = high > low ? [low, (low + high) / 2, high] : [high];
        for (const at of range) {
          item(swatch(style, width(10 ** at)), '‖∂‖ ' + brief(10 ** at));
        }
        const stop = draw('svg', { viewBox: '0 0 44 14', 'aria-hidden': 'true' }, [
          draw('line', { x1: 2, x2: 32, y1: 7, y2: 7, class: 'stop', 'stroke-width': 1.6 }),
          draw('line', { x1: 32, x2: 32, y1: 0, y2: 14, class: 'bar' })]);
        item(stop, 'blocked');
        if (key === 'compiled') {
          item(draw('svg', { viewBox: '0 0 44 14', 'aria-hidden': 'true' },
            draw('rect', { class: 'hull', x: 3, y: 2, width: 38, height: 10, rx: 3 })),
          'computed inside a fused group');
        }
      }
      $('p-key').replaceChildren(...parts);
    }

    function setView(view) {
      state.view = view;
      $('p-what').textContent = view.what;
      drawFlow();
      drawKey();
      show(state.near, false);
      $('p-live').textContent = 'Shown: ' + view.label;
    }

    function buildViews() {
      for (const [index, view] of views.entries()) {
        const radio = el('input', { type: 'radio', name: 'view', value: view.key });
        radio.checked = index === 0;
        radio.addEventListener('change', () => setView(view));
        const style = view.key === 'forward' ? 'root-none' : styleOf(view.root);
        const sign = view.key === 'compiled'
          ? draw('svg', { viewBox: '0 0 44 14', 'aria-hidden': 'true' },
            draw('rect', { class: 'hull', x: 3, y: 1, width: 38, height: 12, rx: 3 }))
          : swatch(style, 3.4);
        $('p-views').append(el('label', {}, [radio, sign, view.label]));
      }
    }

    """#
}
