// Draws the lanes of every server on one clock, shows a call where the pointer is, and steps through a story.
const { scenes, duration, colours } = JSON.parse(document.getElementById('trace').textContent);
const byId = id => document.getElementById(id);
const colour = client => client < 0 ? 'grey' : `c${colours[client % colours.length]}`;
const escape = text => String(text).replace(/[&<>"]/g, one => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one]);
const sleeps = name => name === 'clock_nanosleep' || name === 'nanosleep';
const letter = 6.1;   // the width of one in a bar, in pixels
const margin = 8, top_ = 8;

const stages = [...document.querySelectorAll('.stage')].map(stage => ({
  scene: scenes[stage.dataset.scene], section: stage.closest('section'), labels: stage.querySelector('.labels'), plot: stage.querySelector('.plot'), rows: [],
}));
let zoom = 1;
let scale = 1;   // pixels a microsecond

// Where each lane is: its middle. The clients come first; a process has a frame around its threads.
function layOut(stage) {
  const isNarrow = matchMedia('(max-width: 40rem)').matches;
  const above = isNarrow ? 14 : 0;
  let y = top_;
  let process = null;
  stage.frames = [];
  stage.rows = stage.scene.lanes.map(lane => {
    if (lane.kind === 'client') {
      y += above + 16;
      return { y: y - 7, half: 4.5 };
    }
    if (lane.process !== process) {
      process = lane.process;
      y += 9;
      stage.frames.push({ top: y - 3 + (isNarrow ? above : 0), bottom: y, born: lane.born, died: lane.died });
    }
    y += above + 21;
    const middle = y - 11, sets = setsOf(stage.scene, lane);
    if (sets.length > 0) y += strip;
    const frame = stage.frames.at(-1);
    frame.bottom = y;
    frame.born = Math.min(frame.born, lane.born);
    frame.died = Math.max(frame.died, lane.died);
    return { y: middle, half: 8, sets };
  });
  stage.height = y + 8;
}

const x = time => margin + time * scale;

// Below a lane that waits for several descriptors: what each wait is given, at its beginning, and what it returns, at its end.
const strip = 20;
const setsOf = (scene, lane) => scene.calls.filter(call => call.set && scene.lanes[call.lane] === lane);

function ticks() {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1e6, 1e7, 1e8].find(one => one * scale > 60);
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, i) => i * step);
}

// One for all servers, which stays in sight; the last label ends at its line where there is no room behind it.
function drawAxis() {
  const axis = byId('axis'), [{ plot }] = stages, width = x(duration) + margin;
  const unit = ticks()[1] < 1000 ? time => `${time} µs` : time => `${time / 1000} ms`;
  const label = time => x(time) + 3 + unit(time).length * letter <= width ? `x="${x(time) + 3}"` : `x="${x(time) - 3}" text-anchor="end"`;
  axis.innerHTML = `<div><svg width="${width}" height="18">${ticks().map(time => `<path class="grid" d="M${x(time)} 0V18"/><text class="tick" ${label(time)} y="12">${unit(time)}</text>`).join('')}</svg></div>`;
  const frame = axis.firstChild, left = plot.getBoundingClientRect().left - axis.getBoundingClientRect().left - axis.clientLeft;
  frame.style.cssText = `position: absolute; top: 0; height: 18px; overflow: hidden; left: ${left}px; width: ${plot.clientWidth}px`;
  moveAxis();
}

const moveAxis = () => { byId('axis').querySelector('svg').style.left = `${-stages[0].plot.scrollLeft}px`; };

function draw(stage) {
  const { scene, rows } = stage;
  const parts = [];
  const width = x(duration) + margin;
  for (const time of ticks())
    parts.push(`<path class="grid" d="M${x(time)} 0V${stage.height}"/>`);
  for (const frame of stage.frames)
    parts.push(`<rect class="process" x="${x(frame.born) - 3}" y="${frame.top}" width="${Math.max((frame.died - frame.born) * scale, 2) + 6}" height="${frame.bottom - frame.top}" rx="4"/>`);
  scene.lanes.forEach((lane, i) => lane.stretches.forEach(stretch => parts.push(drawStretch(scene, lane, rows[i], stretch))));
  for (const row of rows) if (row.sets?.length > 0) drawSets(scene, row, parts);
  if (scale > 0.02) scene.calls.forEach(call => parts.push(drawCall(call, rows[call.lane])));
  for (const arrow of scene.arrows) parts.push(drawArrow(scene, rows, arrow));
  parts.push('<g class="cursor"></g>');
  stage.plot.innerHTML = `<svg width="${width}" height="${stage.height}">${parts.join('')}</svg>`;
  stage.labels.style.height = `${stage.height}px`;
  stage.labels.innerHTML = scene.lanes.map((lane, i) => `<span style="top:${rows[i].y}px">${escape(lane.title)}${lane.kind === 'client' ? '' : ` <small>${escape(lane.about)}</small>`}</span>`).join('');
}

function drawStretch(scene, lane, row, [start, end, wait, client, ...watched]) {
  const left = x(start), width = Math.max((end - start) * scale, 1.4), top = row.y - row.half, height = 2 * row.half;
  const box = (kind, who, y, h) => `<rect class="${kind} ${colour(who)}" x="${left}" y="${y}" width="${width}" height="${h}"/>`;
  if (wait < 0) return box('work', client, top, height);
  const name = scene.calls[wait].name;
  if (lane.kind === 'client' && sleeps(name)) return box('pause', client, row.y - 1, 2);
  const isRing = name === 'io_uring_enter';
  const bars = watched.length > 0
    ? watched.map((who, i) => box('stripe', who, top + i * height / watched.length, height / watched.length)).join('')
    : box('wait', client, top, height);
  const hatch = isRing ? `<rect fill="url(#hatch)" x="${left}" y="${top}" width="${width}" height="${height}"/>` : '';
  const text = width > name.length * letter + 6 && lane.kind !== 'client' ? `<text class="called" x="${left + width / 2}" y="${row.y + 3.5}">${name}</text>` : '';
  return bars + hatch + text;
}

const cell = (who, filled, left, top, size) => `<rect class="${filled ? 'in' : 'out'} ${colour(who)}" x="${left}" y="${top}" width="${size}" height="${size}"/>`;

// poll: the array. select: sets of bits. epoll: those that are ready; the set itself is a line for each descriptor, as long as the kernel keeps it.
const glyphs = {
  array: { width: set => set.given.length * 7, draw: (set, left, top, shown, filled) => set.given.map((one, i) => cell(one[2], filled(one), left + i * 7 + .5, top + 5, 5)).join('') },
  bits: {
    width: set => set.size * 4 + 1,
    draw: (set, left, top, shown) => `<rect class="bits" x="${left}" y="${top}" width="${set.size * 4 + 1}" height="15"/><path class="bits" d="M${left} ${top + 5}h${set.size * 4 + 1}m0 5h${-set.size * 4 - 1}"/>`
      + shown.map(([number, row, who]) => `<rect class="in ${colour(who)}" x="${left + 1 + number * 4}" y="${top + 1 + row * 5}" width="3" height="3"/>`).join(''),
  },
  kept: { width: (set, isGiven) => isGiven ? 0 : set.ready.length * 8, draw: (set, left, top, shown, filled, isGiven) => isGiven ? '' : shown.map((one, i) => cell(one[2], true, left + i * 8, top + 10, 6)).join('') },
  ring: {
    width: (set, isGiven) => isGiven ? Math.min(set.size, 6) * 7 : 0,
    draw: (set, left, top, shown, filled, isGiven) => isGiven ? Array.from({ length: Math.min(set.size, 6) }, (_, i) => `<path class="request" d="M${left + i * 7} ${top + 3}h6l-3 8z"/>`).join('') : '',
  },
};

// What would cover what stands there already is left out; it shows at a greater zoom.
function drawSets(scene, row, parts) {
  const top = row.y + row.half + 2;
  let free = -Infinity;
  row.sets.forEach((call, i) => {
    const { set } = call, glyph = glyphs[set.kind];
    const isReady = one => set.ready.some(other => other[0] === one[0] && other[1] === one[1]);
    const from = Math.max(x(call.start), margin), to = x(call.end);
    if (set.kind === 'kept') {
      const until = i + 1 < row.sets.length ? x(row.sets[i + 1].start) : to;
      set.given.forEach((one, line) => parts.push(`<path class="kept ${colour(one[2])}" d="M${from} ${top + 1 + line * 1.5}H${until}"/>`));
    }
    if (from >= free) {
      parts.push(glyph.draw(set, from, top, set.given, () => false, true));
      free = from + glyph.width(set, true) + 2;
    }
    const back = to - glyph.width(set, false);
    if (back >= free && set.ready.length > 0) {
      parts.push(glyph.draw(set, back, top, set.ready, isReady, false));
      free = to + 2;
    }
  });
  for (const call of scene.calls) {
    if (call.name === 'epoll_ctl' && call.client >= 0 && row.sets[0].lane === call.lane) {
      const sign = call.arguments.includes('_ADD') ? 'M-3 0h6M0 -3v6' : call.arguments.includes('_DEL') ? 'M-3 0h6' : '';
      if (sign) parts.push(`<path class="change ${colour(call.client)}" transform="translate(${x(call.start)} ${top + 13})" d="${sign}"/>`);
    }
  }
}

// Once it is wide enough, a call shows its edges, and its name.
function drawCall(call, row) {
  const width = (call.end - call.start) * scale;
  if (width < 3 || call.kind !== 'call') return '';
  const text = width > call.name.length * letter + 4 && (call.end - call.start) < 150 ? `<text class="called on" x="${x((call.start + call.end) / 2)}" y="${row.y + 3.5}">${call.name}</text>` : '';
  return `<path class="edge" d="M${x(call.start)} ${row.y - row.half}v${2 * row.half}M${x(call.end)} ${row.y - row.half}v${2 * row.half}"/>${text}`;
}

const heads = { end: 'bar', reset: 'cross', futex: 'diamond', eventfd: 'square' };

function drawArrow(scene, rows, { kind, from, to, client, inferred }) {
  const source = scene.calls[from], target = scene.calls[to];
  const a = rows[source.lane], b = rows[target.lane];
  const down = b.y > a.y ? 1 : -1;
  const way = kind !== 'wake' ? kind : source.name === 'futex' ? 'futex' : 'eventfd';
  const leaves = kind === 'birth' || kind === 'connection' ? source.end : source.start;
  const arrives = Math.max(target.kind === 'call' && kind !== 'birth' ? target.end : target.start, leaves);
  return `<path class="arrow ${kind} ${colour(client)}${inferred ? ' inferred' : ''}" d="M${x(leaves)} ${a.y + down * a.half}L${x(arrives)} ${b.y - down * (b.half + 1)}" marker-end="url(#${heads[way] ?? 'head'})"/>`;
}

function drawAll() {
  for (const stage of stages) {
    layOut(stage);
    const room = stage.plot.clientWidth - 2 * margin;
    scale = Math.max(room, 620) * zoom / duration;
    draw(stage);
  }
  drawAxis();
  showStep();
}

// A new zoom keeps what is in the middle there.
function zoomTo(factor, stage = stages[0], at = stage.plot.clientWidth / 2) {
  const time = (stage.plot.scrollLeft + at - margin) / scale;
  zoom = Math.min(Math.max(factor, 1), 400);
  drawAll();
  scrollAll(x(time) - at);
}

function scrollAll(left) {
  for (const { plot } of stages) plot.scrollLeft = left;
  moveAxis();
}

byId('in').addEventListener('click', () => zoomTo(zoom * 1.6));
byId('out').addEventListener('click', () => zoomTo(zoom / 1.6));
byId('fit').addEventListener('click', () => zoomTo(1));
byId('names').addEventListener('change', event => document.body.classList.toggle('nameless', !event.target.checked));
for (const stage of stages) {
  stage.plot.addEventListener('scroll', () => scrollAll(stage.plot.scrollLeft));
  stage.plot.addEventListener('wheel', event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomTo(zoom * (event.deltaY < 0 ? 1.25 : 0.8), stage, event.clientX - stage.plot.getBoundingClientRect().left);
  }, { passive: false });
}

// The card of a call: the one under the pointer, or the nearest within a few pixels.
const card = byId('card');
let pinned = false;

function callAt(stage, event) {
  const box = stage.plot.firstChild.getBoundingClientRect();
  const time = (event.clientX - box.left - margin) / scale, y = event.clientY - box.top;
  const lane = stage.rows.findIndex(row => Math.abs(row.y - y) <= row.half + 3);
  if (lane < 0) return null;
  const distance = call => Math.max(call.start - time, time - call.end, 0) * scale;
  const near = stage.scene.calls.filter(call => call.lane === lane && distance(call) <= 5);
  return near.reduce((best, call) => best === null || distance(call) < distance(best) || (distance(call) === distance(best) && call.end - call.start < best.end - best.start) ? call : best, null);
}

const pages = { pselect6: 'pselect', exit: '_exit', _newselect: 'select', newfstatat: 'fstatat' };

function manPage({ kind, name }) {
  const [section, page] = kind === 'call' ? [2, pages[name] ?? name] : kind === 'signal' ? [7, 'signal'] : [2, '_exit'];
  return `<a href="https://man7.org/linux/man-pages/man${section}/${page}.${section}.html" target="_blank" rel="noreferrer">${page}(${section})</a>`;
}

function showCard(stage, call, event) {
  const took = call.end - call.start;
  const what = call.kind !== 'call' ? `${call.name} ${call.arguments}` : `${call.name}(${call.arguments})${call.result === '' ? '' : ` = ${call.result}`}`;
  card.innerHTML = `<p><b>${escape(stage.scene.lanes[call.lane].title)}</b> <span class="soft">${escape(stage.scene.lanes[call.lane].about)}</span></p><code>${escape(what)}</code>`
    + `<p>at ${(call.start / 1000).toFixed(3)} ms, took ${took < 1000 ? `${took} µs` : `${(took / 1000).toFixed(1)} ms`}${call.error ? `, errno <b>${escape(call.error)}</b>` : ''}; ${manPage(call)}</p>`
    + (call.fiveTuple ? `<p class="soft">${escape(call.fiveTuple)}</p>` : '');
  card.hidden = false;
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - card.offsetWidth - 8);
  const below = event.clientY + 18, fits = below + card.offsetHeight < innerHeight - byId('controls').offsetHeight;
  card.style.left = `${Math.max(left, 8) + scrollX}px`;
  card.style.top = `${Math.max(fits ? below : event.clientY - card.offsetHeight - 14, 4) + scrollY}px`;
}

function unpin() {
  pinned = false;
  card.hidden = true;
  card.classList.remove('pinned');
}

for (const stage of stages) {
  stage.plot.addEventListener('pointermove', event => {
    if (pinned || event.pointerType === 'touch') return;
    const call = callAt(stage, event);
    if (call) showCard(stage, call, event);
    else card.hidden = true;
  });
  stage.plot.addEventListener('pointerleave', () => { if (!pinned) card.hidden = true; });
  stage.plot.addEventListener('click', event => {
    const call = callAt(stage, event);
    unpin();
    if (!call) return;
    showCard(stage, call, event);
    pinned = true;
    card.classList.add('pinned');
  });
}
document.addEventListener('click', event => { if (pinned && !event.target.closest('.plot, #card')) unpin(); });

// Step mode: what comes later is dimmed.
let step = -1;
let playing = 0;
const chosen = () => stages[byId('which').value];

function showStep() {
  for (const stage of stages) {
    stage.plot.querySelector('.cursor').innerHTML = '';
    stage.section.classList.remove('current');
  }
  const { scene, rows, plot, section, height } = chosen();
  byId('count').textContent = `${step + 1} of ${scene.steps.length}`;
  if (step < 0) return;
  const { time, call, sentence } = scene.steps[step];
  const { lane, start, end } = scene.calls[call];
  const row = rows[lane];
  section.classList.add('current');
  byId('sentence').textContent = `${(time / 1000).toFixed(2)} ms: ${sentence}`;
  plot.querySelector('.cursor').innerHTML = `<rect class="later" x="${x(time)}" y="${top_ - 4}" width="${x(duration) - x(time) + margin}" height="${height}"/><path class="now" d="M${x(time)} 0V${height}"/>`
    + `<rect class="chosen" x="${x(Math.max(start, 0)) - 2}" y="${row.y - row.half - 2}" width="${Math.max(x(Math.min(end, time)) - x(Math.max(start, 0)), 1) + 4}" height="${2 * row.half + 4}" rx="2"/>`;
  if (x(time) < plot.scrollLeft + 40 || x(time) > plot.scrollLeft + plot.clientWidth - 40) scrollAll(x(time) - plot.clientWidth / 2);
}

function go(to) {
  step = Math.min(Math.max(to, -1), chosen().scene.steps.length - 1);
  showStep();
  const box = chosen().section.getBoundingClientRect();
  if (step >= 0 && (box.top < 0 || box.bottom > innerHeight - byId('controls').offsetHeight)) chosen().section.scrollIntoView({ block: 'center' });
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => { if (step + 1 < chosen().scene.steps.length) go(step + 1); else play(false); }, 1800) : 0;
  byId('play').textContent = on ? 'pause' : 'play';
}

byId('play').addEventListener('click', () => play(!playing));
byId('back').addEventListener('click', () => go(step - 1));
byId('forward').addEventListener('click', () => go(step + 1));
byId('which').addEventListener('change', () => { play(false); go(0); });
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') unpin();
  if (event.target.closest('select, input')) return;
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    event.preventDefault();
    go(step + (event.key === 'ArrowRight' ? 1 : -1));
  }
});
addEventListener('resize', drawAll);
drawAll();
