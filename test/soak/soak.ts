import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDcmqrscp, startOrthanc } from '../helpers/pacs-process.js';
import { storedInstances } from '../helpers/stored-instances.js';
import { freePort } from '../helpers/free-port.js';
import { sha256 } from '../helpers/test-gateway.js';
import { FaultLog } from './faults.js';
import { SoakGateway } from './gateway.js';
import { Inbox } from './inbox.js';
import { Ledger } from './ledger.js';
import { FaultyLine } from './line.js';
import { work } from './load.js';
import { beyond, checkCacheFiles, waitForRest } from './rest.js';
import { takeSample, type Sample } from './sample.js';
import type { Settings } from './settings.js';
import { isOver, makeTrouble, pause, type Site } from './trouble.js';
import { makeWorld, PEERS, type World } from './world.js';

/** What a soak found. */
export interface SoakResult {
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly faults: FaultLog;
  /** Over the time of faults, one for each sixtieth of it. */
  readonly samples: readonly Sample[];
  /** At rest: after the warm-up, after the load, and after a crash and more load. */
  readonly rests: readonly Sample[];
  readonly leaks: readonly string[];
  /** Between what the gateway said of stores and what the PACS hold. */
  readonly storeFaults: readonly string[];
  readonly stored: number;
  readonly calmSeconds: Readonly<Record<string, number>>;
}

/** Everything around the gateway. */
interface Stage {
  readonly sites: readonly Site[];
  readonly gateway: SoakGateway;
  readonly world: World;
  close(): Promise<void>;
}

async function loadPacs({ pacs, peer }: Site, world: World, home: string): Promise<void> {
  const instances = world[peer].flatMap((study) => study.instances);
  const paths = instances.map(({ file }, index) => {
    const path = join(home, `${peer}-${index}.dcm`);
    writeFileSync(path, file);
    return path;
  });
  const taken = await pacs.load(paths);
  if (taken.length !== paths.length) throw new Error(`${peer} took ${taken.length} of ${paths.length}`);
  for (const path of paths) rmSync(path);
}

async function setStage(settings: Settings): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'gateway-soak-'));
  const storagePort = await freePort();
  const fromDcmqrscp = await FaultyLine.lay(storagePort);
  const orthanc = await startOrthanc({ movePort: storagePort });
  const dcmqrscp = await startDcmqrscp({ movePort: fromDcmqrscp.port });
  const [toOrthanc, toDcmqrscp] = [await FaultyLine.lay(orthanc.port), await FaultyLine.lay(dcmqrscp.port)];
  const sites: readonly Site[] = [
    { peer: 'orthanc', pacs: orthanc, lines: [toOrthanc] },
    { peer: 'dcmqrscp', pacs: dcmqrscp, lines: [toDcmqrscp, fromDcmqrscp] },
  ];
  const world = makeWorld(settings.seed, settings.studies);
  for (const site of sites) await loadPacs(site, world, home);
  const gateway = await SoakGateway.start({
    main: settings.main,
    home: join(home, 'gateway'),
    log: join(settings.directory, 'gateway.log'),
    orthancPort: toOrthanc.port,
    dcmqrscpPort: toDcmqrscp.port,
    storagePort,
  });
  const close = async (): Promise<void> => {
    await gateway.stop();
    for (const { pacs, lines } of sites) {
      for (const line of lines) await line.close();
      await pacs.stop();
    }
    rmSync(home, { recursive: true, force: true });
  };
  return { sites, gateway, world, close };
}

/** How the time is divided; what is left of it is faults. */
const WARM_UP = 0.1;
const AFTER_CRASH = 0.1;
const SAMPLES = 60;

/** One soak over a stage. */
class Soak {
  readonly faults = new FaultLog();
  readonly ledger = new Ledger(this.faults);
  readonly inbox = new Inbox();
  readonly samples: Sample[] = [];
  readonly rests: Sample[] = [];
  readonly leaks: string[] = [];
  readonly #stage: Stage;
  readonly #settings: Settings;

  constructor(stage: Stage, settings: Settings) {
    this.#stage = stage;
    this.#settings = settings;
  }

  /** Lets clients work for so long, while `meanwhile` goes on. */
  async load(
    name: string,
    minutes: number,
    meanwhile: readonly ((until: AbortSignal) => Promise<void>)[],
  ): Promise<void> {
    this.#settings.say(`${new Date().toISOString()} ${name}: ${minutes.toFixed(1)} min`);
    const { clients, seed } = this.#settings;
    const { gateway, world } = this.#stage;
    const until = AbortSignal.timeout(Math.round(minutes * 60_000));
    const shared = { origin: gateway.origin, world, ledger: this.ledger, inbox: this.inbox };
    await Promise.all([work(shared, clients, seed, until), ...meanwhile.map((one) => one(until))]);
  }

  /** Waits for rest, and takes down what is still held. */
  async rest(name: string, before?: Sample): Promise<Sample> {
    const { sample, leaks } = await waitForRest(this.#stage.gateway, before);
    this.leaks.push(...leaks.map((one) => `${name}: ${one}`));
    this.rests.push(sample);
    return sample;
  }

  async sampleUntil(until: AbortSignal, everyMs: number): Promise<void> {
    while (!until.aborted) {
      const sample = await takeSample(this.#stage.gateway);
      this.samples.push(sample);
      this.leaks.push(...beyond(sample).map((one) => `${sample.at}: ${one}`));
      await pause(everyMs, until);
    }
  }

  async hangUpUntil(until: AbortSignal, everyMs: number): Promise<void> {
    while (!until.aborted) {
      await pause(everyMs, until);
      if (isOver(until)) return;
      const over = this.faults.begin('gateway', 'SIGHUP', true);
      this.#stage.gateway.hangUp();
      over();
    }
  }

  /** Kills the gateway under load and starts it on the same cache. */
  async crash(until: AbortSignal, afterMs: number): Promise<void> {
    await pause(afterMs, until);
    const over = this.faults.begin('gateway', 'SIGKILL of the gateway');
    await this.#stage.gateway.kill();
    await this.#stage.gateway.start();
    over();
  }
}

/** What the PACS hold of what clients stored, against what the gateway said of it. */
async function auditStores(sites: readonly Site[], inbox: Inbox, world: World): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { peer, pacs } of sites) {
    const held = new Map(
      (await storedInstances(pacs)).map((one) => [one.sopInstanceUid, sha256(one.dataset())] as const),
    );
    const known = new Set(world[peer].flatMap(({ instances }) => instances.map(({ sopUid }) => sopUid)));
    for (const { sopUid, digest, state } of inbox.of(peer)) {
      if (state === 'stored' && held.get(sopUid) !== digest)
        found.push(
          `${peer}: ${sopUid} was told to be stored and is ${held.has(sopUid) ? 'another' : 'not there'}`,
        );
    }
    for (const sopUid of held.keys())
      if (!known.has(sopUid) && !inbox.sent.has(sopUid)) found.push(`${peer}: ${sopUid} was never sent`);
  }
  return found;
}

/**
 * Runs a soak: a warm-up without faults, the load with faults, rest; a crash of the gateway under load, rest; then looks at
 * the files of the cache and at what the PACS hold.
 */
export async function runSoak(settings: Settings): Promise<SoakResult> {
  const stage = await setStage(settings);
  const soak = new Soak(stage, settings);
  const { minutes, seed } = settings;
  try {
    await soak.load('warm-up', minutes * WARM_UP, []);
    const warm = await soak.rest('after the warm-up');
    const main = minutes * (1 - WARM_UP - AFTER_CRASH);
    const from = Date.now();
    await soak.load('faults', main, [
      ...stage.sites.map(
        (site, index) => (until: AbortSignal) =>
          makeTrouble(site, soak.faults, { seed: seed * 10 + index, minutes }, until),
      ),
      (until) => soak.sampleUntil(until, (main * 60_000) / SAMPLES),
      (until) => soak.hangUpUntil(until, (main * 60_000) / 5),
    ]);
    const to = Date.now();
    await soak.rest('after the faults', warm);
    const crash = minutes * AFTER_CRASH;
    await soak.load('crash', crash, [(until) => soak.crash(until, (crash * 60_000) / 3)]);
    await soak.rest('after the crash', warm);
    const files = await checkCacheFiles(stage.gateway, settings.directory);
    return {
      settings,
      ledger: soak.ledger,
      faults: soak.faults,
      samples: soak.samples,
      rests: soak.rests,
      leaks: [...soak.leaks, ...files],
      storeFaults: await auditStores(stage.sites, soak.inbox, stage.world),
      stored: [...soak.inbox.sent.values()].filter(({ state }) => state === 'stored').length,
      calmSeconds: Object.fromEntries(PEERS.map((peer) => [peer, soak.faults.calmSeconds(peer, from, to)])),
    };
  } finally {
    await stage.close();
  }
}
