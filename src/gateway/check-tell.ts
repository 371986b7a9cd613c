/** How the gateway is known to peers. */
export interface CheckListener {
  readonly aeTitle: string;
  /** What is configured to be told, or where it listens; missing without a listener. */
  readonly address?: { readonly host: string; readonly port: number };
  readonly isTls: boolean;
}

/** What whoever configures the PACS enters there. */
export interface CheckTell {
  readonly aeTitle: string;
  readonly host: string;
  /** Where C-MOVE goes. */
  readonly port: number;
  /** Whether anything listens there: without, C-MOVE and reports of storage commitment cannot come. */
  readonly listens: boolean;
  readonly tls: boolean;
  /** One line for each kind of PACS, to be pasted. */
  readonly snippets: {
    /** A member of `DicomModalities` in Orthanc's configuration. */
    readonly orthanc: string;
    /** A line of `HostTable` in dcmqrscp.cfg. */
    readonly dcmqrscp: string;
    /** A device for `POST /dcm4chee-arc/devices/{name}`. */
    readonly dcm4chee: string;
  };
}

/** Peers want a port even of those that they send nothing to. */
const ANY_PORT = 11_112;

/** @param localAddress the gateway's end of a connection to the peer, for a gateway that listens on every address */
export function tellOf(
  { aeTitle, address, isTls }: CheckListener,
  localAddress: string | undefined,
): CheckTell {
  const isAnywhere = address === undefined || ['0.0.0.0', '::', ''].includes(address.host);
  const host = isAnywhere ? (localAddress ?? 'ADDRESS-OF-THE-GATEWAY') : address.host;
  const port = address?.port ?? ANY_PORT;
  const listens = address !== undefined;
  const place = { aeTitle, host, port, tls: isTls && listens };
  return { ...place, listens, snippets: snippetsOf(place) };
}

function snippetsOf({
  aeTitle,
  host,
  port,
  tls,
}: Pick<CheckTell, 'aeTitle' | 'host' | 'port' | 'tls'>): CheckTell['snippets'] {
  const modality = {
    AET: aeTitle,
    Host: host,
    Port: port,
    AllowGet: true,
    ...(tls && { UseDicomTls: true }),
  };
  const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'];
  const device = {
    dicomDeviceName: 'gateway',
    dicomInstalled: true,
    dicomNetworkConnection: [
      {
        cn: 'dicom',
        dicomHostname: host,
        dicomPort: port,
        ...(tls && { dicomTLSCipherSuite: suites }),
      },
    ],
    dicomNetworkAE: [
      {
        dicomAETitle: aeTitle,
        dicomAssociationInitiator: true,
        dicomAssociationAcceptor: true,
        dicomNetworkConnectionReference: ['/dicomNetworkConnection/0'],
      },
    ],
  };
  return {
    orthanc: `"gateway": ${JSON.stringify(modality)}`,
    dcmqrscp: `gateway = (${aeTitle}, ${host}, ${port})`,
    dcm4chee: JSON.stringify(device),
  };
}

/** The same in lines, for people. */
export function tellLines({ aeTitle, host, port, listens, tls, snippets }: CheckTell): readonly string[] {
  const how = tls ? ', by TLS' : '';
  const what = listens ? how : ' (nothing listens there: any port will do)';
  return [
    `AE title ${aeTitle}, host ${host}, port ${port}${what}`,
    `Orthanc, in DicomModalities: ${snippets.orthanc}`,
    `dcmqrscp.cfg, in HostTable: ${snippets.dcmqrscp}`,
    `dcm4chee, POST /dcm4chee-arc/devices/gateway: ${snippets.dcm4chee}`,
  ];
}
