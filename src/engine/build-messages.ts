/** The part of BuildKit's published status API that a build's progress consists of: message types and field numbers. */
import protobuf from 'protobufjs/light.js';

/** Seconds and nanoseconds; protobuf's int64 comes as an object where it does not fit in 32 bits. */
export interface Timestamp {
  readonly seconds: Integer;
  readonly nanos: number;
}

export type Integer = number | { toNumber(): number };

export const toNumber = (value: Integer): number => (typeof value === 'number' ? value : value.toNumber());

export interface Status {
  readonly vertexes: readonly {
    readonly digest: string;
    readonly name: string;
    readonly cached: boolean;
    readonly started: Timestamp | null;
    readonly completed: Timestamp | null;
    readonly error: string;
  }[];
  readonly statuses: readonly {
    readonly ID: string;
    readonly vertex: string;
    readonly current: Integer;
    readonly total: Integer;
  }[];
  readonly logs: readonly { readonly vertex: string; readonly stream: Integer; readonly msg: Uint8Array }[];
  readonly warnings: readonly {
    readonly short: Uint8Array;
    readonly detail: readonly Uint8Array[];
    readonly url: string;
  }[];
}

const types = protobuf.Root.fromJSON({
  nested: {
    Timestamp: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    Vertex: {
      fields: {
        digest: { type: 'string', id: 1 },
        name: { type: 'string', id: 3 },
        cached: { type: 'bool', id: 4 },
        started: { type: 'Timestamp', id: 5 },
        completed: { type: 'Timestamp', id: 6 },
        error: { type: 'string', id: 7 },
      },
    },
    VertexStatus: {
      fields: {
        ID: { type: 'string', id: 1 },
        vertex: { type: 'string', id: 2 },
        current: { type: 'int64', id: 4 },
        total: { type: 'int64', id: 5 },
      },
    },
    VertexLog: {
      fields: {
        vertex: { type: 'string', id: 1 },
        stream: { type: 'int64', id: 3 },
        msg: { type: 'bytes', id: 4 },
      },
    },
    VertexWarning: {
      fields: {
        short: { type: 'bytes', id: 3 },
        detail: { rule: 'repeated', type: 'bytes', id: 4 },
        url: { type: 'string', id: 5 },
      },
    },
    StatusResponse: {
      fields: {
        vertexes: { rule: 'repeated', type: 'Vertex', id: 1 },
        statuses: { rule: 'repeated', type: 'VertexStatus', id: 2 },
        logs: { rule: 'repeated', type: 'VertexLog', id: 3 },
        warnings: { rule: 'repeated', type: 'VertexWarning', id: 4 },
      },
    },
  },
});

const statusResponse = types.lookupType('StatusResponse');

/** Throws where the bytes are not a whole message. */
export const decodeStatus = (bytes: Uint8Array): Status => statusResponse.decode(bytes) as unknown as Status;
