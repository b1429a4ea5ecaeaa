extension GradientPage {
  /// The latents as small multiples, with the same numbers as a table.
  static let latents = #"""
    const signs = { active: '●', collapsed: '○', noisy: '◐', constant: '◇' };

    /* Bars of one quantity; `marks` stand below them where there is room. */
    function bars(title, values, marks, threshold) {
      const [width, height] = [300, 96];
      const known = values.map((value) => number(value)).map((value) =>
        Number.isFinite(value) ? value : 0);
      const told = values.map((value) => number(value)).filter((value) => Number.isFinite(value));
      const most = Math.max(...known, threshold ?? 0) || 1;
      const step = width / Math.max(1, known.length);
      const children = known.map((value, index) => draw('rect', {
        x: (index * step + step * 0.12).toFixed(2), width: (step * 0.76).toFixed(2),
        y: (height - height * value / most).toFixed(2),
        height: Math.max(0, height * value / most).toFixed(2), rx: Math.min(1.5, step * 0.2) },
      draw('title', {}, 'latent ' + index + ': ' + format(values[index]))));
      children.push(draw('line', { x1: 0, x2: width, y1: height, y2: height,
        stroke: 'currentColor', 'stroke-width': 0.6 }));
      if (threshold !== undefined) {
        const y = (height - height * threshold / most).toFixed(2);
        children.push(draw('line', { x1: 0, x2: width, y1: y, y2: y, stroke: 'var(--stop)',
          'stroke-width': 1, 'stroke-dasharray': '4 3' }));
      }
      const gap = Math.ceil(12 / step);
      known.forEach((_, index) => {
        const x = (index * step + step / 2).toFixed(2);
        if (index % gap === 0) {
          children.push(draw('text', { x, y: height + 13, 'text-anchor': 'middle' },
            String(index)));
        }
        if (marks && step >= 9) {
          children.push(draw('text', { x, y: height + 26, 'text-anchor': 'middle' }, marks[index]));
        }
      });
      children.push(draw('text', { x: width, y: -5, 'text-anchor': 'end' },
        'largest ' + (told.length ? brief(Math.max(...told)) : '–')));
      const label = title + ' by latent: ' + values.map((value) => format(value)).join(', ');
      return el('div', {}, [el('h3', {}, title), draw('svg', { class: 'chart', role: 'img',
        viewBox: '0 -14 300 ' + (height + (marks ? 44 : 32)), 'aria-label': label }, children)]);
    }

    function latents() {
      const list = report.latents;
      if (!list.length) return null;
      const marks = list.map((latent) => signs[latent.state] ?? '');
      const terms = report.terms;
      const charts = [bars('KL, nats', list.map((latent) => latent.divergence), marks),
        bars('Variance of μ over the batch', list.map((latent) => latent.meanVariance), marks,
          number(report.activeAbove)),
        bars('Mean σ', list.map((latent) => latent.meanSigma), marks)];
      for (const [index, term] of terms.entries()) {
        charts.push(bars('‖∂' + term.name + '/∂μ‖',
          list.map((latent) => latent.gradientNorms[index]), marks));
      }
      const count = (state) => list.filter((latent) => latent.state === state).length;
      const rows = list.map((latent, at) => {
        const base = '/latents/' + at;
        return row(shown(base + '/index', 'span'), [shown(base + '/divergence'),
          shown(base + '/meanVariance'), shown(base + '/meanSigma')].concat(
          terms.map((_, index) => shown(base + '/gradientNorms/' + index)),
          [el('td', { class: 'text' }, latent.state
            ? (signs[latent.state] + ' ' + latent.state) : '–')]));
      });
      const note = el('p', { class: 'note' }, [
        '● ' + (count('active') + count('noisy')) + ' of ' + list.length + ' active, ○ '
        + count('collapsed') + ' collapsed, ◇ ' + count('constant') + ' constant; ◐ '
        + count('noisy') + ' of the active noisy. Active from a variance of μ of ',
        shown('/activeAbove', 'span'),
        ' on (dashed line); noisy where the mean of σ² is larger than that variance.',
        report.isTrained ? '' : ' The parameters are as initialised: what collapses is seen later.',
      ]);
      return card('Latents', null, [note, el('div', { class: 'multiples' }, charts),
        el('details', {}, [el('summary', {}, 'As a table'),
          table(['latent', report.hasStandardPrior ? 'KL' : 'KL‖N(0,1)', 'Var μ', 'mean σ'].concat(
            terms.map((term) => '‖∂' + term.name + '/∂μ‖'), ['state']), rows, 'Latents')])]);
    }

    """#

  /// Training steps, where a run recorded them.
  static let course = #"""
    function courseCard() {
      const moments = data.course;
      if (!moments || !moments.length) return null;
      const last = moments.length - 1;
      const slider = el('input', { type: 'range', min: '0', max: String(last), step: '1',
        value: String(last), id: 'p-step', 'aria-label': 'Training step' });
      const place = el('div', { id: 'p-moment' });
      const curves = [curve(moments, report.loss, (moment) => moment.loss)].concat(
        report.rows.filter((entry) => entry.role !== 'draw').map((entry) =>
          curve(moments, 'cosine at ' + entry.name, (moment) =>
            moment.rows.find((found) => found.name === entry.name)?.cosine)));
      const update = () => {
        const index = Number(slider.value);
        const moment = moments[index];
        slider.setAttribute('aria-valuetext', 'step ' + moment.step + ', epoch '
          + format(moment.epoch));
        for (const { move } of curves) move(index);
        place.replaceChildren(...momentParts(moment));
      };
      slider.addEventListener('input', update);
      update();
      return card('Over training', 'Recorded while training; the slider goes from the first record '
        + 'to the last. The graph above shows the state that was analysed.',
      [slider, el('div', { class: 'multiples' }, curves.map(({ view }) => view)), place]);
    }

    function momentParts(moment) {
      const terms = moment.terms.map((term) => term.name + ' ' + format(term.value)).join(', ');
      const names = moment.terms.map((term) => term.name);
      const rows = moment.rows.map((entry) => row(entry.name,
        names.map((_, index) => el('td', {}, format(entry.norms[index])))
          .concat([entry.total, entry.cosine, entry.signalToNoise].map((value) =>
            el('td', {}, format(value))))));
      const parts = [el('p', { class: 'equation' }, 'Step ' + moment.step + ', epoch '
        + format(moment.epoch) + ': ' + report.loss + ' ' + format(moment.loss) + ' = ' + terms),
      table([''].concat(names.map((name) => '‖∂' + name + '‖'), ['‖total‖', 'cosine', 'SNR']), rows,
        'The gradient at this step')];
      if (moment.latents && moment.latents.length) {
        parts.push(el('div', { class: 'multiples' }, [
          bars('KL, nats', moment.latents.map((latent) => latent.divergence)),
          bars('Variance of μ', moment.latents.map((latent) => latent.meanVariance)),
          bars('Mean σ', moment.latents.map((latent) => latent.meanSigma))]));
      }
      return parts;
    }

    /* A line over the moments with a mark that moves. */
    function curve(moments, title, read) {
      const [width, height] = [300, 84];
      const values = moments.map((moment) => number(read(moment)));
      const known = values.filter((value) => Number.isFinite(value));
      const [bottom, top] = [Math.min(...known), Math.max(...known)];
      const x = (index) => moments.length < 2 ? width / 2 : width * index / (moments.length - 1);
      const y = (value) => top > bottom ? height - (height - 4) * (value - bottom) / (top - bottom)
        : height / 2;
      let path = '';
      let pen = 'M';
      values.forEach((value, index) => {
        if (!Number.isFinite(value)) { pen = 'M'; return; }
        path += pen + x(index).toFixed(1) + ' ' + y(value).toFixed(1);
        pen = 'L';
      });
      const mark = draw('circle', { r: 3.6, fill: 'var(--root-0)' });
      const stem = draw('line', { y1: 0, y2: height, stroke: 'var(--rule)' });
      const children = [stem, draw('path', { d: path || 'M0 0', fill: 'none',
        stroke: 'currentColor', 'stroke-width': 1.5, 'stroke-linejoin': 'round' }), mark];
      if (known.length) {
        children.push(draw('text', { x: 0, y: height + 14 }, brief(bottom) + ' to ' + brief(top)));
      }
      const view = el('div', {}, [el('h3', {}, title), draw('svg', { class: 'chart', role: 'img',
        viewBox: '0 -4 300 104', 'aria-label': title + ' over training: '
          + values.map((value) => format(value)).join(', ') }, children)]);
      const move = (index) => {
        const isKnown = Number.isFinite(values[index]);
        stem.setAttribute('x1', x(index));
        stem.setAttribute('x2', x(index));
        mark.setAttribute('visibility', isKnown ? 'visible' : 'hidden');
        mark.setAttribute('cx', x(index));
        mark.setAttribute('cy', isKnown ? y(values[index]) : 0);
      };
      return { view, move };
    }

    """#

  /// The beginning, and the self-test that opening the page with `#selftest` asks for: it uses the
  /// controls as a person does and writes down what they show.
  static let start = #"""
    const errors = [];
    window.addEventListener('error', (event) => errors.push(String(event.message)));
    document.addEventListener('securitypolicyviolation', (event) =>
      errors.push('policy: ' + event.violatedDirective));
    const siteBox = boxOf.get((nodes.find((node) => node.name === report.node) ?? nodes[0]).id);

    function watchTheme() {
      const button = $('p-theme');
      const isDark = () => document.documentElement.dataset.theme
        ? document.documentElement.dataset.theme === 'dark'
        : window.matchMedia('(prefers-color-scheme: dark)').matches;
      const label = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
      button.addEventListener('click', () => {
        document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
        label();
      });
      label();
    }

    function selfTest() {
      const shot = () => ({
        view: document.querySelector('input[name=view]:checked').value,
        what: $('p-what').textContent,
        arrows: [...over.querySelectorAll('[data-line]')].map((path) => path.dataset.line),
        widths: [...over.querySelectorAll('[data-line]')]
          .map((path) => Number(path.getAttribute('stroke-width'))),
        styles: [...new Set([...over.querySelectorAll('[data-line]')]
          .map((path) => getComputedStyle(path).strokeDasharray))],
        blocked: [...over.querySelectorAll('[data-blocked]')].map((path) => path.dataset.blocked),
        reasons: [...over.querySelectorAll('text.why')].map((text) => text.textContent),
        detours: [...over.querySelectorAll('[data-detour]')].map((path) => path.dataset.detour),
        hulls: over.querySelectorAll('.hull').length,
        amounts: [...over.querySelectorAll('text.amount')].map((text) => text.textContent),
        key: $('p-key').textContent, panel: $('p-panel').innerText,
        live: $('p-live').textContent, theme: document.documentElement.dataset.theme ?? '',
        camera: svg.getAttribute('viewBox') });
      const result = { views: [], panels: [], steps: [] };
      for (const radio of document.querySelectorAll('input[name=view]')) {
        radio.click();
        result.views.push(shot());
      }
      for (const id of ['p-in', 'p-out', 'p-fit', 'p-site', 'p-theme']) {
        $(id).click();
        result.steps.push({ did: id, ...shot() });
      }
      $('p-theme').click();
      for (const box of boxes) {
        elementOf(box).dispatchEvent(new MouseEvent('click', { bubbles: true }));
        result.panels.push({ id: box.id, text: $('p-panel').innerText,
          label: elementOf(box).getAttribute('aria-label'),
          pressed: elementOf(box).getAttribute('aria-pressed') });
        elementOf(box).dispatchEvent(new MouseEvent('click', { bubbles: true }));
      }
      elementOf(siteBox).focus();
      for (const key of ['ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'Enter']) {
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        result.steps.push({ did: key, focus: document.activeElement.id, ...shot() });
      }
      const slider = $('p-step');
      result.moments = [];
      for (let at = 0; slider && at <= Number(slider.max); at += 1) {
        slider.value = String(at);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        result.moments.push($('p-moment').innerText);
      }
      result.numbers = [...document.querySelectorAll('[data-path]')]
        .map((cell) => [cell.dataset.path, cell.textContent]);
      result.errors = errors;
      result.width = document.documentElement.scrollWidth - window.innerWidth;
      result.pwned = [document.title, String(window.pwned)];
      document.body.append(el('pre', { id: 'selftest' }, JSON.stringify(result)));
    }

    buildHeader();
    buildViews();
    watchTheme();
    watchBoxes();
    watchCamera();
    $('p-sections').append(...[courseCard(), mathematics(), pathSplit(), estimators(), latents(),
      variances(), statistics(), checks(), parity(), blockedEdges(), scaleFault(),
      births()].filter(Boolean));
    show(siteBox, false);
    setView(views[0]);
    lookAtDraw();
    function follow() {
      const radio = [...document.querySelectorAll('input[name=view]')]
        .find((input) => window.location.hash === '#view=' + input.value);
      if (radio) radio.click();
    }
    window.addEventListener('hashchange', follow);
    follow();
    if (window.location.hash === '#selftest') selfTest();

    """#
}
