/** The answers are as the server sends them. A newer server sends more fields, and more values where one of a list is named. */

export type Network = "twitter" | "bluesky" | "mastodon" | "misskey";
export type Status =
  | "WAIT_LINK_FINDER"
  | "LINK_FINDER"
  | "WAIT_INDEX_ACCOUNTS_TWEETS"
  | "INDEX_ACCOUNTS_TWEETS"
  | "WAIT_IMAGE_REVERSE_SEARCH"
  | "IMAGE_REVERSE_SEARCH"
  | "END";
export type MatchClass = "identical" | "recompressed" | "edited_or_variant" | "inside_another" | "part_in_common" | "similar";

/** A corner as x and y, parts of a picture's width and height. */
export type Corner = [number, number];

/** A part that a posted image shares with the artwork. */
export interface Part {
  keypoints: number;
  /** 0 to 1. */
  agreement: number;
  mirrored: boolean;
  inverted: boolean;
  in_artwork: [Corner, Corner, Corner, Corner];
  in_post: [Corner, Corner, Corner, Corner];
}

/** What both forms of a found post have. */
interface Found {
  account_id: string;
  network: Network;
  url: string;
  image_url: string;
  thumbnail_url: string;
  /** `1/4`: the first of four. */
  image_position: string;
  /** Bits of 64. */
  distance: number;
  variant: string;
  class: MatchClass;
  distance256: number | null;
  thumbnail_difference: number | null;
  part: Part | null;
  published: string | null;
}

/** A post on any network. */
export interface Post extends Found {
  id: string;
  handle: string | null;
  earliest: boolean;
  /** A person said that it shows the artwork. */
  said_same: boolean;
}

/** A post on X, under the names of the original's API. */
export interface Result extends Found {
  tweet_id: string;
  account_name: string | null;
}

export interface Account {
  network: Network;
  id: string;
  handle: string;
  url: string;
  chain: string[];
  evidence: string | null;
}

export interface TwitterAccount {
  account_name: string;
  account_id: string;
  network: Network;
  url: string;
  chain: string[];
  evidence: string | null;
}

/** A span of time, both ends included. */
export interface Span {
  from: string;
  to: string;
}

/** A span of which the posts were searched, as they were at `listed_at`. */
export interface SearchedWindow extends Span {
  listed_at: string;
}

/** A page of the artist's on a site that is not searched. */
export interface Elsewhere {
  site: string;
  url: string;
  evidence: string;
}

/** An account that a page names, with what is known of it. */
export interface NamedAccount {
  network: Network;
  id: string | null;
  handle: string | null;
  url: string;
  /** `confirmed`, `not_asked`, `missing`, `private`, `suspended`, `closed`, or why it is left out. */
  state: string;
  detail: string;
  evidence: string | null;
  chain: string[];
}

/** Who made an artwork. */
export interface ArtistAnswer {
  status: Status | null;
  id: string | null;
  resolve: boolean;
  accounts: NamedAccount[];
  left_out: NamedAccount[];
  elsewhere: Elsewhere[];
  /** What looking the accounts up costs at most; `null` before they are known. */
  estimate_usd: number | null;
  cost_usd: number;
  error: string | null;
  error_detail: string;
  steps: { step: Status; ms: number }[];
  queue_position: number | null;
  estimated_wait_ms: number | null;
  waits_for_network: boolean;
}

/** What a person said, and what came of it. */
export interface Said {
  id: string;
  verdict: string;
  account: string | null;
  handle: string | null;
  post: string | null;
  image: number | null;
  url: string;
  at: string;
  /** In anybody's words. */
  why: string;
  effect: string;
}

/** What of an account was searched: all of it, or what was published within `windows`. */
export interface Searched {
  network: Network;
  account_id: string;
  handle: string;
  complete: boolean;
  whole_at: string | null;
  windows: SearchedWindow[];
}

/** The page of an artwork that was answered for before. */
export interface ArtworkPage {
  url: string;
  class: MatchClass;
  distance: number;
  answered_at: string;
}

/** Whether images were looked for that share a part with the artwork, and among how many they were not. */
export interface PartsSearched {
  state: "off" | "searched" | "incomplete" | "only_alike" | "too_few";
  images_without: number;
}

/** The answer about a query. `posts` is what was found; `results` the part of it that is on X. */
export interface Answer {
  status: Status | null;
  has_first_time_scan: boolean;
  twitter_accounts: TwitterAccount[];
  results: Result[];
  similar: Result[];
  error: string | null;
  error_detail: string;
  id: string | null;
  image_url: string | null;
  steps: { step: Status; ms: number }[];
  queue_position: number | null;
  estimated_wait_ms: number | null;
  waits_for_network: boolean;
  posts_listed: number;
  posts_indexed: number;
  accounts: Account[];
  posts: Post[];
  similar_posts: Post[];
  /** When the artist published the work, where its site tells. */
  published: string | null;
  /** Named by the artwork's page, and show it; they may be reposts. */
  named_posts: Post[];
  elsewhere: Elsewhere[];
  /** Of a search by image: pages of artworks that were answered for before, with this picture. */
  artwork_pages: ArtworkPage[];
  /** Named, and not searched: missing, private, not asked about, or left out. */
  other_accounts: NamedAccount[];
  searched: Searched[];
  /** All accounts were searched whole. */
  complete: boolean;
  /** What is being looked through now. */
  looking: Span | null;
  /** What reading for the answer was billed. */
  cost_usd: number;
  /** What `whole` would probably cost; `null` where nothing is left to be searched. */
  rest_usd: number | null;
  /** What people said that has acted on the answer. */
  verdicts: Said[];
  /** Whether images were looked for that share a part with the artwork. */
  parts: PartsSearched;
}

export interface SearchAnswer extends Answer {
  identifier: string | null;
}

export interface BatchEntry extends Answer {
  url: string | null;
  artist_alone: boolean;
}

/** What is spent is `null` for those who may not know. */
export interface Stats {
  indexed_tweets_count: number;
  indexed_accounts_count: number;
  processing_user_requests_count: number;
  processing_scan_requests_count: number;
  pending_tweets_count: number;
  spent_today_usd: number | null;
  spent_month_usd: number | null;
  left_today_usd: number | null;
  budget_day_usd: number | null;
  budget_month_usd: number | null;
  deferred_scans_count: number;
  index_percent: number;
  images_with_parts_count: number;
  parts_bytes: number;
}

export interface Config {
  limit_per_ip_address: number;
  ip_can_bypass_limit: boolean;
  ip_can_use_advanced: boolean;
  update_accounts_frequency: number | null;
  max_illust_url_size: number;
  networks: Network[];
}

export interface KnownAccount {
  network: Network;
  account_id: string;
  account_name: string | null;
  known_since: string;
  stated_posts: number | null;
  search_coverage: string;
  search_listed_at: string | null;
  timeline_coverage: string;
  timeline_listed_at: string | null;
  windows: SearchedWindow[];
  newest_post_seen: string | null;
  oldest_post_seen: string | null;
  posts_read: number;
  stated_media: number | null;
  found_media: number | null;
  queries: number;
  handles: { account_name: string; first_seen: string; last_seen: string }[];
}

export interface ErrorEntry {
  code: string;
  status: number;
  meaning: { en: string; fr: string };
}

export interface Abortable {
  signal?: AbortSignal;
}

export interface Chosen extends Abortable {
  /** Only the artist's accounts on these. */
  networks?: Network[];
}

export interface Whole {
  /** The artist's accounts are scanned whole, not only around the artwork's date. */
  whole?: boolean;
}

export interface First {
  /** The answer ends with the first post that shows the artwork itself. */
  first?: boolean;
}

export interface Waiting {
  /** Milliseconds. */
  patience?: number;
}

export interface Following<A> extends Waiting {
  /** Sees each answer on the way, the last one too. */
  onChange?: (answer: A) => void;
}

export interface Searching extends Chosen {
  accountName?: string;
  turned?: boolean;
}

export type Image = Blob | ArrayBuffer | ArrayBufferView | { url: string };

export const DEFAULT_SERVER: string;

export class Client {
  constructor(server?: string, options?: { key?: string | null; timeout?: number; fetch?: typeof fetch });
  query(page: string, options?: Chosen & First & Whole & { webhook?: string }): Promise<Answer>;
  find(page: string, options?: Chosen & First & Whole & Following<Answer> & { webhook?: string }): Promise<Answer>;
  follow(page: string, options?: Chosen & First & Whole): AsyncGenerator<Answer, void, void>;
  artist(page: string, options?: Chosen & Waiting & { resolve?: boolean }): Promise<ArtistAnswer>;
  submit(pages: Iterable<string>, options?: Chosen & Whole & { webhook?: string }): Promise<BatchEntry[]>;
  states(ids: string[], options?: Abortable): Promise<BatchEntry[]>;
  findAll(
    pages: Iterable<string> | AsyncIterable<string>,
    options?: Chosen & Whole & Waiting & { inProgress?: number },
  ): AsyncGenerator<BatchEntry, void, void>;
  search(image: Image, options?: Searching): Promise<SearchAnswer>;
  searchState(identifier: string, options?: Abortable): Promise<SearchAnswer>;
  findImage(image: Image, options?: Searching & Following<SearchAnswer>): Promise<SearchAnswer>;
  stats(options?: Abortable): Promise<Stats>;
  config(options?: Abortable): Promise<Config>;
  account(name: string, options?: Abortable): Promise<KnownAccount[]>;
  errors(options?: Abortable): Promise<ErrorEntry[]>;
}

/** Any failure of the client, the server or a query. */
export class AotfError extends Error {}
/** Nobody answers at the server's address, or what answers is no such server. */
export class NotReachable extends AotfError {}
/** The query had not ended when the caller's patience did. It goes on: ask again later. */
export class TookTooLong extends AotfError {}

/** A query or search ended with an error, or was not accepted. */
export class QueryFailed extends AotfError {
  readonly code: string;
  readonly detail: string;
  readonly answer: Answer;
}

/** The caller has as many queries in progress as it may: wait until one has ended. */
export class TooManyInProgress extends QueryFailed {}

/** The server did not serve a request: an HTTP status other than 200. */
export class Refused extends AotfError {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Milliseconds after which to ask again; `null` where the server does not say. */
  readonly retryAfter: number | null;
}

/** The request cannot be read (400, 404, 405, 413, 415, 421). */
export class BadRequest extends Refused {}
/** The API key is not known (401). */
export class Unauthorized extends Refused {}
/** Not for this address or key (403). */
export class Forbidden extends Refused {}
/** More requests a second than the caller may make (429). */
export class TooManyRequests extends Refused {}
/** Not now (503, or another fault of the server). */
export class ServerBusy extends Refused {}
