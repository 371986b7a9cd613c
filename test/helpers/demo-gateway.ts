import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { formatAeAddress } from '../../src/core/index.js';
import { createDemoPacs, type DemoPacs } from '../../src/demo/index.js';
import { peerYaml, startTestGateway, type TestGateway } from './test-gateway.js';

/** Gateways in front of one embedded PACS. */
export interface DemoGateways {
  readonly pacs: () => DemoPacs;
  /** One for a test, which ends with it; with `extra` keys of the configuration. */
  readonly start: (extra?: string) => Promise<TestGateway>;
  /** One with this configuration, whatever it stands in front of. */
  readonly startWith: (configuration: string) => Promise<TestGateway>;
}

/** An embedded PACS for the tests of a file, and a gateway for each that wants one. */
export function useDemoGateway(): DemoGateways {
  let pacs: DemoPacs | undefined;
  const gateways: TestGateway[] = [];
  const running = (): DemoPacs => {
    if (!pacs) throw new Error('the embedded PACS runs within tests alone');
    return pacs;
  };
  beforeAll(async () => {
    pacs = await createDemoPacs();
  });
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.close();
  });
  afterAll(async () => {
    await pacs?.close();
  });
  const startWith = async (configuration: string): Promise<TestGateway> => {
    const gateway = await startTestGateway(configuration);
    gateways.push(gateway);
    return gateway;
  };
  return {
    pacs: running,
    start: (extra = '') => startWith(peerYaml(formatAeAddress(running().address)) + extra),
    startWith,
  };
}
