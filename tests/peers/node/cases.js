'use strict';
// What the Node.js peers have in common: checks of a case, and how cases are run and told.

const patienceMillis = 60000;
const quiet = () => {};
const logger = { debug: quiet, info: quiet, warn: quiet, error: (...args) => console.error('E', ...args) };
const sleep = millis => new Promise(resolve => setTimeout(resolve, millis));

function check(holds, what) {
  if (!holds) throw new Error(what);
}

function equal(wanted, seen, what) {
  check(JSON.stringify(wanted) === JSON.stringify(seen), `${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
}

async function until(condition, what) {
  const deadline = Date.now() + patienceMillis;
  while (!await condition()) {
    check(Date.now() < deadline, `waited in vain: ${what}`);
    await sleep(20);
  }
}

// Runs all cases at once, or those that are wanted, each in a world that begin(name) makes and that is closed after it;
// prints a line a case and ends the process. prepare(world) is part of the case.
function runCases({ cases, wanted, caseMillis, begin, prepare = quiet }) {
  async function runOne(name) {
    const started = Date.now();
    const world = begin(name);
    let result;
    try {
      await prepare(world);
      const late = sleep(caseMillis).then(() => { throw new Error(`no end within ${caseMillis / 1000} s`); });
      late.catch(quiet);
      result = await Promise.race([ cases[name](world), late ]) || 'ok';
    } catch (error) {
      result = `failed: ${error.message}`;
    }
    world.close();
    process.stdout.write(`case\t${name}\t${((Date.now() - started) / 1000).toFixed(1)}\t${result.replace(/\s+/g, ' ')}\n`);
  }

  process.on('unhandledRejection', error => console.error('E unhandled', error && error.message));
  const names = Object.keys(cases).filter(name => !wanted.length || wanted.includes(name));
  Promise.all(names.map(runOne)).then(() => {
    process.stdout.write(`end\t${names.length} cases\n`, () => process.exit(0));
  });
}

module.exports = { patienceMillis, quiet, logger, sleep, check, equal, until, runCases };
