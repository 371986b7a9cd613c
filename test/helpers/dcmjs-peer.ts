import net from 'node:net';
import dcmjsDimse from 'dcmjs-dimse';
import type { association, requests, responses } from 'dcmjs-dimse';

const { Scp, Dataset, constants } = dcmjsDimse;
const { Status, PresentationContextResult } = constants;
dcmjsDimse.log.setLevel('silent');

/** What an independent peer holds, as naturalised datasets. */
export interface DcmjsPeerOptions {
  readonly rows?: readonly Record<string, unknown>[];
  readonly instances?: readonly Record<string, unknown>[];
}

export interface DcmjsPeer {
  readonly address: { readonly aeTitle: string; readonly host: string; readonly port: number };
  /** Naturalised datasets that were stored. */
  readonly stored: Record<string, unknown>[];
  close(): Promise<void>;
}

/** A peer on the stock dcmjs-dimse library, which shares no code with `src/dimse`. */
export async function startDcmjsPeer(options: DcmjsPeerOptions = {}): Promise<DcmjsPeer> {
  const { rows = [], instances = [] } = options;
  const stored: Record<string, unknown>[] = [];
  const sockets = new Set<net.Socket>();

  class PeerScp extends Scp {
    override associationRequested(requested: association.Association): void {
      for (const { context } of requested.getPresentationContexts()) {
        const [first] = context.getTransferSyntaxUids();
        context.setResult(PresentationContextResult.Accept, first);
      }
      this.sendAssociationAccept();
    }

    override cEchoRequest(
      request: requests.CEchoRequest,
      callback: (response: responses.CEchoResponse) => void,
    ): void {
      const response = dcmjsDimse.responses.CEchoResponse.fromRequest(request);
      response.setStatus(Status.Success);
      callback(response);
    }

    override cFindRequest(
      request: requests.CFindRequest,
      callback: (responses: responses.CFindResponse[]) => void,
    ): void {
      const answer = (status: number, row?: Record<string, unknown>) => {
        const response = dcmjsDimse.responses.CFindResponse.fromRequest(request);
        if (row) response.setDataset(new Dataset(row));
        response.setStatus(status);
        return response;
      };
      callback([...rows.map((row) => answer(Status.Pending, row)), answer(Status.Success)]);
    }

    override cGetRequest(
      request: requests.CGetRequest,
      callback: (responses: responses.CGetResponse[]) => void,
    ): void {
      let open = instances.length;
      const finish = (): void => {
        const response = dcmjsDimse.responses.CGetResponse.fromRequest(request);
        response.setCompleted(instances.length);
        response.setStatus(Status.Success);
        callback([response]);
      };
      for (const instance of instances) {
        const store = new dcmjsDimse.requests.CStoreRequest(new Dataset(instance, '1.2.840.10008.1.2.1'));
        store.on('response', () => {
          open -= 1;
          if (open === 0) finish();
        });
        this.sendRequests(store);
      }
      if (open === 0) finish();
    }

    override cStoreRequest(
      request: requests.CStoreRequest,
      callback: (response: responses.CStoreResponse) => void,
    ): void {
      stored.push(request.getDataset()?.getElements() ?? {});
      const response = dcmjsDimse.responses.CStoreResponse.fromRequest(request);
      response.setStatus(Status.Success);
      callback(response);
    }

    override associationReleaseRequested(): void {
      this.sendAssociationReleaseResponse();
    }
  }

  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    new PeerScp(socket, {}).on('networkError', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    address: { aeTitle: 'DCMJS', host: '127.0.0.1', port },
    stored,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
