extension GradientPage {
  /// The tables below the graph: every number of the report.
  static let sections = #"""
    function buildHeader() {
      document.title = 'Gradient flow at ' + report.node + ' — ' + report.graph;
      $('p-title').textContent = report.graph + ', at ' + report.node;
      const fact = (text, path) => [text + ' ', shown(path, 'span')];
      const list = [[report.distribution + (report.scale ? ', scale = ' + report.scale : '')],
        [report.estimator + ' estimator', el('span',
          { class: report.nodeDraws > 1 ? null : 'hidden' },
          [', ', shown('/nodeDraws', 'span'), ' draws a run'])],
        ...(report.divergence === 'none' ? [] : [['KL ' + report.divergence]]),
        fact('seed', '/seed')];
      if (report.isExact) list.push(['exact expectations; the graph shows one draw']);
      else list.push([shown('/draws', 'span'), ' draws, values and paths at the first']);
      if (report.batch !== undefined) list.push(fact('batch', '/batch'));
      if (report.reduction) {
        const { loss, terms } = report.reduction;
        const word = (scalar) => scalar.name
          + ({ sum: ' summed', mean: ' averaged' }[scalar.reduction]
            ?? ' neither summed nor averaged')
          + (scalar.isWeightedByBatch ? ' (but weighed by how many there are)' : '');
        list.push([(terms.length ? terms : [loss]).map(word).join(', ') + ' over it']);
      }
      $('p-facts').replaceChildren(...list.flatMap((part, index) =>
        index ? [' · ', ...part] : part));
      const sum = [el('span', { class: 'name' }, report.loss + ' '),
        el('b', {}, shown('/lossValue', 'span'))];
      if (report.lossError !== undefined) {
        const isSure = number(report.lossError) <= 1e-6 * Math.abs(number(report.lossValue));
        sum.push(el('span', { class: isSure ? 'hidden' : null },
          [' ± ', shown('/lossError', 'span')]));
      }
      sum.push(' = ');
      for (const [index, term] of report.terms.entries()) {
        if (index) sum.push(' + ');
        sum.push(el('span', { class: term.isWeighted ? null : 'hidden' },
          [shown('/terms/' + index + '/weight', 'span'), term.isWeighted ? ' · ' : ' times ']));
        sum.push(el('span', { class: 'name' }, term.name + ' '),
          shown('/terms/' + index + '/value', 'span'), term.cancels ? ' (cancels)' : '');
      }
      if (report.constant !== undefined) sum.push(' + constant ', shown('/constant', 'span'));
      if (report.evidence) {
        const { isLikelihood, cost } = report.evidence;
        sum.push(el('span', { class: 'facts' }, [isLikelihood ? '  —  ln p(x) '
          : '  —  ln E exp(−' + cost + ') at z ~ N(0, 1) ',
          shown('/evidence/logProbability', 'span'), ', gap ', shown('/evidence/gap', 'span')]));
      }
      $('p-equation').replaceChildren(...sum, ...report.notes.map((note) =>
        el('div', { class: 'facts' }, 'note: ' + note)));
    }

    function pathSplit() {
      const head = ['at'].concat(report.terms.flatMap((term) => ['‖∂' + term.name + '‖', 'share']),
        ['split', '‖total‖', 'cosine', '|Σ − total|∞', 'ulp']);
      const rows = report.rows.map((entry, at) => {
        const base = '/rows/' + at;
        const parts = entry.parts.flatMap((part, index) => part.gradient
          ? [shown(base + '/parts/' + index + '/gradient/norm'),
            shown(base + '/parts/' + index + '/share')]
          : [el('td', { class: 'text', colspan: '2' }, '⊣')]);
        const bar = el('div', { class: 'split', 'aria-hidden': 'true' },
          shareBars(entry.parts.map((part, index) =>
            ['root-' + index % 5, part.gradient ? number(part.gradient.norm) : 0])));
        const name = [entry.name + '  (' + entry.role.replace('_', ' ') + ')',
          el('span', { class: entry.draws > 1 ? null : 'hidden' },
            entry.draws > 1 ? [', all of ', shown(base + '/draws', 'span'), ' draws']
              : [', ', shown(base + '/draws', 'span'), ' value for all draws'])];
        return row(name, parts.concat([
          el('td', {}, bar), shown(base + '/total/norm'), shown(base + '/cosine'),
          shown(base + '/partsError'), shown(base + '/partsErrorUlps')]));
      });
      const refused = report.rows.flatMap((entry) => entry.parts.filter((part) => part.refusal)
        .map((part) => el('p', { class: 'facts' },
          '⊣ ' + part.term + ' at ' + entry.name + ': ' + part.refusal)));
      // Of two terms there is nothing to tell apart.
      const told = report.terms.length < 3 ? [] : report.rows.filter((entry) => entry.cosineOf);
      const cosines = told.map((entry) => el('p', { class: 'facts' },
        'cosine at ' + entry.name + ': between ' + entry.cosineOf.join(' and ')));
      return card('Path split', 'One reverse pass a term, seeded with its weight: the parts sum to '
        + 'the whole. Share is the norm’s share of the norms’ sum.',
      [table(head, rows, 'Path split')].concat(cosines, refused));
    }

    function statistics() {
      const rows = [];
      const add = (name, base, facts, style) => {
        if (!facts) return;
        const first = facts.firstNonFinite ? shown(base + '/firstNonFinite') : el('td', {}, '–');
        rows.push(row(name, [shown(base + '/shape')].concat(
          columns.map(([, key]) => shown(base + '/' + key)), [first]), style));
      };
      for (const [at, entry] of report.rows.entries()) {
        const base = '/rows/' + at;
        add(entry.name + (entry.draws > 1 ? ', draw 1' : ''), base + '/value', entry.value,
          at ? 'group' : null);
        for (const [index, part] of entry.parts.entries()) {
          add('∂' + part.term + '/∂' + entry.name, base + '/parts/' + index + '/gradient',
            part.gradient);
        }
        add('∂' + report.loss + '/∂' + entry.name, base + '/total', entry.total);
      }
      return card('Values and gradients', null, table(
        ['', 'shape'].concat(columns.map(([title]) => title), ['first not finite']), rows,
        'Statistics round the draw'));
    }

    function estimators() {
      const found = report.estimators;
      if (!found) return null;
      const names = found.rows[0].targets.map((target) => target.parameter);
      const exact = found.isExact;
      const keys = ['mean', 'variance', 'signalToNoise', 'drawsForTenPercent'].concat(
        exact ? ['quadratureError', 'varianceError'] : ['z']);
      const head = ['estimator', 'passes', 'draws'].concat(names.flatMap((name) =>
        ['mean ' + name, 'variance', 'SNR', 'for 10 %'].concat(
          exact ? ['± mean', '± variance'] : ['z'], [''])));
      const rows = found.rows.map((entry, at) => {
        const base = '/estimators/rows/' + at;
        const cells = entry.targets.flatMap((target, index) => {
          const path = base + '/targets/' + index;
          const reason = target.refusal ?? entry.undefined;
          if (reason) {
            return [el('td', { class: 'text long', colspan: String(keys.length + 1) },
              '⊣ ' + reason)].concat(keys.map((key) =>
              fill(shown(path + '/' + key), { class: 'hidden' })));
          }
          const isBest = found.winners[index] === entry.title;
          const list = keys.map((key) => shown(path + '/' + key));
          if (isBest) list[1].className = 'best';
          const mark = !Number.isFinite(number(target.mean)) ? 'not finite'
            : target.agrees ? isBest ? '★' : '' : '≠';
          return list.concat([el('td', { class: 'text' }, mark)]);
        });
        return row((entry.isOwn ? '▸ ' : '') + entry.title,
          [shown(base + '/passes'), shown(base + '/draws')].concat(cells),
          entry.isOwn ? 'best' : null);
      });
      return card('Estimators', 'Variance, signal to noise and draws for 10 % error are of one '
        + 'draw, by ' + found.method + '. ▸ is the graph’s own, ★ the least variance, ≠ another '
        + 'mean than that of ' + found.reference + '. Passes are forward passes from the draw on.',
      table(head, rows, 'Estimators'));
    }

    function variances() {
      if (!report.variances.length) return null;
      const rows = report.variances.map((entry, at) => {
        const base = '/variances/' + at;
        const bar = el('div', { class: 'split', 'aria-hidden': 'true' },
          shareBars([['root-2', number(entry.betweenImages)],
            ['root-3', number(entry.withinImages)]]));
        return row(entry.parameter, [shown(base + '/betweenImages'), shown(base + '/withinImages'),
          shown(base + '/noiseShare'), el('td', {}, bar), shown(base + '/images')]);
      });
      return card('Data or draws?', 'Var(g) = Var over images of the mean + mean over images of '
        + 'the noise: where noise has the larger share, more draws help more than more images.',
      table(['∂ at', 'between images', 'within (noise)', 'noise share', '', 'images'], rows,
        'Variance split'));
    }

    function mathematics() {
      const cell = (text) => [el('td', { class: 'text long' }, codeOf(text))];
      const local = (report.formulas.local ?? []).flatMap((entry) => [
        row(entry.symbol, entry.text ? cell(entry.text) : [el('td', { class: 'text long' },
          'blocked: ' + (entry.blocked ?? 'no path'))]),
        entry.score ? row(entry.scoreSymbol, cell(entry.score)) : null].filter(Boolean));
      const whole = (report.formulas.derivatives ?? []).map((entry) =>
        row(entry.symbol, cell(entry.text)));
      const meanings = report.formulas.meanings.map((entry) => row('where', cell(entry.text)));
      if (report.costSymbol !== undefined) {
        meanings.push(row('where',
          cell(report.costSymbol + ' is the cost downstream of the draw')));
      }
      if (!local.length && !whole.length) return null;
      return card('As mathematics', 'What the compiler holds: the draw by what it is drawn from, '
        + 'and the whole derivative of ' + report.loss + '.',
      table(['derivative', 'is'], local.concat(whole, meanings), 'As mathematics'));
    }

    function checks() {
      if (!report.check || !report.check.length) return null;
      const rows = report.check.map((entry, at) => row(entry.name,
        [el('td', { class: 'text long' }, entry.verdict),
          el('td', { class: 'text' }, entry.place === undefined ? '–' : entry.place)].concat(
          ['symbolic', 'numeric', 'step', 'tolerance'].map((key) => entry[key] === undefined
            ? el('td', {}, '–') : shown('/check/' + at + '/' + key)))));
      const held = report.checkHeld === undefined ? ''
        : report.checkHeld[0].toUpperCase() + report.checkHeld.slice(1) + '.';
      return card('Against difference quotients', 'In f64 with the noise frozen; the comparison '
        + 'that lies furthest apart. ' + held,
      table(['∂ at', 'verdict', 'furthest apart', 'symbolic', 'numeric', 'h', 'tolerance'], rows,
        'Against difference quotients'));
    }

    function parity() {
      const rows = report.parity.rows.map((entry, at) => row(entry.name,
        [shown('/parity/rows/' + at + '/ulps'), shown('/parity/rows/' + at + '/difference')]));
      return card('Optimised against written', 'The same values by the graph after all passes, in '
        + 'units in the last place of the largest element.',
      table(['', 'ulp', 'difference'], rows, 'Optimised against written'));
    }

    function blockedEdges() {
      const rows = report.blocked.map((edge) => row(edge.to + ' ⊣ ' + edge.from,
        [el('td', { class: 'text long' }, edge.reason + (edge.alike.length
          ? '; the same at ' + edge.alike.join(', ') : ''))]));
      const lost = report.unreached.map((entry) => row('parameter ' + entry.parameter,
        [el('td', { class: 'text long' }, entry.reason)]));
      if (!rows.length && !lost.length) return null;
      return card('Blocked', 'Edges that the gradient of ' + report.loss
        + ' does not pass, and parameters that it does not reach.',
      table(['edge', 'reason'], rows.concat(lost), 'Blocked edges'));
    }

    function scaleFault() {
      const fault = report.scaleFault;
      if (!fault) return null;
      const cells = ['count', 'of', 'least', 'index'].map((key) => shown('/scaleFault/' + key));
      return card('A scale that is not positive', 'The standard deviation ' + fault.node + ' of '
        + fault.draw + ': ln q and what takes it are undefined there.',
      table(['node', 'elements', 'of', 'least', 'at', 'place'], [row(fault.node,
        cells.concat([el('td', { class: 'text' }, fault.place ?? '–')]))],
      'A scale that is not positive'));
    }

    function births() {
      if (!report.nonFinite.length) return null;
      const rows = report.nonFinite.map((birth, at) => row(birth.node, [
        el('td', { class: 'text' }, el('code', {}, birth.expression)),
        el('td', { class: 'text' }, birth.gradientOf === undefined ? 'value'
          : 'gradient at ' + birth.gradientOf),
        el('td', {}, birth.value), shown('/nonFinite/' + at + '/index'),
        shown('/nonFinite/' + at + '/count'), el('td', { class: 'text' }, birth.place ?? '–')]));
      return card('Not finite', 'Where such values were born: all that these nodes read is finite.',
        table(['node', 'computes', 'of', 'first value', 'at', 'count', 'place'], rows,
          'Not finite'));
    }

    """#
}
