-- A small database as the second release wrote it (migration 0002). Tokens: admin mypat_dc4c15b5cf65b28b28e9e3fd450cf4c53a8a2235cb757747ff755a2e84b2a637, ada@example.com mypat_a1e7e6913636e7576a7b3bf46acad4f07adeaaff60a9fd74b5ea44c631c9ce80
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.alias_movers (
    schema_id text NOT NULL COLLATE pg_catalog."C",
    pattern text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.alias_moves (
    seq bigint NOT NULL,
    model_id text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    alias text NOT NULL COLLATE pg_catalog."C",
    from_version bigint,
    to_version bigint,
    moved_at bigint NOT NULL,
    moved_by text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    folded text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.alias_moves.model IS 'the model''s full name at that time';
COMMENT ON COLUMN public.alias_moves.to_version IS 'empty where the alias was taken away';
COMMENT ON COLUMN public.alias_moves.folded IS 'the alias without case';
COMMENT ON COLUMN public.alias_moves.reason IS 'why, in the words of who moved it';
CREATE SEQUENCE public.alias_moves_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.alias_moves_seq_seq OWNED BY public.alias_moves.seq;
CREATE TABLE public.aliases (
    model_id text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    version_id text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.aliases.folded IS 'the alias without case: unique in a model';
CREATE TABLE public.audit (
    seq bigint NOT NULL,
    event_id text NOT NULL COLLATE pg_catalog."C",
    event_time bigint NOT NULL,
    request_id text NOT NULL COLLATE pg_catalog."C",
    service_name text NOT NULL COLLATE pg_catalog."C",
    action_name text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C",
    token_id text NOT NULL COLLATE pg_catalog."C",
    source_ip_address text NOT NULL COLLATE pg_catalog."C",
    user_agent text NOT NULL COLLATE pg_catalog."C",
    request_params text NOT NULL COLLATE pg_catalog."C",
    result text NOT NULL COLLATE pg_catalog."C",
    error text NOT NULL COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    securable text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    seal bigint
);
COMMENT ON COLUMN public.audit.principal IS 'empty for an anonymous caller';
COMMENT ON COLUMN public.audit.request_params IS 'a JSON object, without secrets';
COMMENT ON COLUMN public.audit.result IS 'done, refused or failed';
COMMENT ON COLUMN public.audit.error IS 'the kind of failure';
COMMENT ON COLUMN public.audit.message IS 'why it was allowed, or what the caller was told';
COMMENT ON COLUMN public.audit.securable IS 'the full name of what it is about';
COMMENT ON COLUMN public.audit.seal IS 'the seal that covers this row; empty for about a second';
CREATE SEQUENCE public.audit_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_seq_seq OWNED BY public.audit.seq;
CREATE TABLE public.entries (
    version_id text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    parent text NOT NULL COLLATE pg_catalog."C",
    is_directory integer NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    modified_at bigint NOT NULL
);
COMMENT ON COLUMN public.entries.parent IS 'the path of the directory above';
COMMENT ON COLUMN public.entries.sha256 IS 'names the stored bytes; empty for a directory';
CREATE TABLE public.events (
    seq bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    happened_at bigint NOT NULL,
    request_id text NOT NULL COLLATE pg_catalog."C",
    securable text NOT NULL COLLATE pg_catalog."C",
    payload text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.events.securable IS 'the full name of what it is about';
COMMENT ON COLUMN public.events.payload IS 'a JSON object';
CREATE SEQUENCE public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_seq_seq OWNED BY public.events.seq;
CREATE TABLE public.grants (
    securable_id text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C",
    privilege text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.identities (
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.identities.subject IS 'who the issuer says it is';
CREATE TABLE public.installation (
    id text NOT NULL COLLATE pg_catalog."C",
    workspace_id bigint NOT NULL,
    created_at bigint NOT NULL
);
COMMENT ON COLUMN public.installation.id IS 'names this server to its clients and its byte store';
COMMENT ON COLUMN public.installation.workspace_id IS 'what clients call the workspace id';
CREATE TABLE public.lineage (
    seq bigint NOT NULL,
    version_id text NOT NULL COLLATE pg_catalog."C",
    direction text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    other_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    details text NOT NULL COLLATE pg_catalog."C",
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    times bigint NOT NULL,
    noted_by text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.lineage.direction IS 'upstream or downstream of the version';
COMMENT ON COLUMN public.lineage.kind IS 'run, job, notebook, table, model_version, …';
COMMENT ON COLUMN public.lineage.name IS 'what the other end is called, where it is no version here';
COMMENT ON COLUMN public.lineage.other_id IS 'the other end, where it is a version here';
COMMENT ON COLUMN public.lineage.details IS 'a JSON object, as the client said it';
COMMENT ON COLUMN public.lineage.times IS 'how often it was noted';
COMMENT ON COLUMN public.lineage.noted_by IS 'who noted it last';
CREATE SEQUENCE public.lineage_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lineage_seq_seq OWNED BY public.lineage.seq;
CREATE TABLE public.logins (
    state text NOT NULL COLLATE pg_catalog."C",
    nonce text NOT NULL COLLATE pg_catalog."C",
    verifier text NOT NULL COLLATE pg_catalog."C",
    return_to text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
COMMENT ON COLUMN public.logins.state IS 'SHA-256 of what the browser brings back; used once';
COMMENT ON COLUMN public.logins.verifier IS 'PKCE''s secret until the code is exchanged';
COMMENT ON COLUMN public.logins.return_to IS 'a path of ours';
CREATE TABLE public.members (
    member_id text NOT NULL COLLATE pg_catalog."C",
    group_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.models (
    id text NOT NULL COLLATE pg_catalog."C",
    last_version bigint NOT NULL,
    deployment_job_id text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.models.last_version IS 'the highest number ever given; never goes back';
CREATE TABLE public.principals (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    display_name text NOT NULL COLLATE pg_catalog."C",
    active integer NOT NULL,
    created_at bigint NOT NULL,
    external_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    profile text DEFAULT '{}'::text NOT NULL COLLATE pg_catalog."C",
    entitlements text DEFAULT '[]'::text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.principals.folded IS 'the name without case';
COMMENT ON COLUMN public.principals.external_id IS 'what a directory calls it';
COMMENT ON COLUMN public.principals.profile IS 'a JSON object: names and addresses';
COMMENT ON COLUMN public.principals.entitlements IS 'a JSON list of texts';
CREATE TABLE public.prompt_aliases (
    prompt_id text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    version_id text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.prompt_aliases.folded IS 'the alias without case: unique in a prompt';
CREATE TABLE public.prompt_links (
    version_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.prompt_links.kind IS 'model, trace or run';
COMMENT ON COLUMN public.prompt_links.target IS 'an id that the tracking server knows';
CREATE TABLE public.prompt_version_tags (
    owner_id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.prompt_versions (
    id text NOT NULL COLLATE pg_catalog."C",
    prompt_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    template text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    updated_at bigint NOT NULL,
    updated_by text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.prompt_versions.template IS 'as the client wrote it; it never changes';
CREATE TABLE public.prompts (
    id text NOT NULL COLLATE pg_catalog."C",
    last_version bigint NOT NULL
);
COMMENT ON COLUMN public.prompts.last_version IS 'the highest number ever given; never goes back';
CREATE TABLE public.protected_aliases (
    schema_id text NOT NULL COLLATE pg_catalog."C",
    pattern text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.protected_aliases.pattern IS 'without case; * stands for any letters';
CREATE TABLE public.seals (
    number bigint NOT NULL,
    sealed_at bigint NOT NULL,
    rows bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.seals.number IS '1, 2, 3, … without a gap';
COMMENT ON COLUMN public.seals.rows IS 'how many audit rows it covers';
COMMENT ON COLUMN public.seals.digest IS 'SHA-256 over the digest before it and these rows';
CREATE TABLE public.securable_tags (
    owner_id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.securables (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    parent_id text COLLATE pg_catalog."C",
    full_name text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    properties text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    updated_at bigint NOT NULL,
    updated_by text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.securables.full_name IS 'from the catalog on; the metastore''s is empty';
COMMENT ON COLUMN public.securables.properties IS 'a JSON object of strings';
CREATE TABLE public.service_secrets (
    id text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C",
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    expires_at bigint,
    last_used_at bigint
);
COMMENT ON COLUMN public.service_secrets.secret_hash IS 'SHA-256 of the secret';
CREATE TABLE public.tokens (
    id text NOT NULL COLLATE pg_catalog."C",
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    expires_at bigint,
    kind text DEFAULT 'personal'::text NOT NULL COLLATE pg_catalog."C",
    last_used_at bigint
);
COMMENT ON COLUMN public.tokens.secret_hash IS 'SHA-256 of the secret';
COMMENT ON COLUMN public.tokens.kind IS 'personal, oauth or session';
COMMENT ON COLUMN public.tokens.last_used_at IS 'to the minute; empty until the first use';
CREATE TABLE public.uploads (
    id text NOT NULL COLLATE pg_catalog."C",
    version_id text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    overwrite integer NOT NULL,
    principal_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL
);
COMMENT ON COLUMN public.uploads.sha256 IS 'of the whole file, once it is complete; empty until then';
CREATE TABLE public.version_tags (
    owner_id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.versions (
    id text NOT NULL COLLATE pg_catalog."C",
    model_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    status_message text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    run_tracking_server_id text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    logged_model_id text NOT NULL COLLATE pg_catalog."C",
    dependencies text NOT NULL COLLATE pg_catalog."C",
    creator_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    updated_at bigint NOT NULL,
    updated_by text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN public.versions.logged_model_id IS 'm- and 32 hex digits once READY';
COMMENT ON COLUMN public.versions.dependencies IS 'a JSON list, as the client gave it';
COMMENT ON COLUMN public.versions.digest IS 'SHA-256 of the manifest once READY';
ALTER TABLE ONLY public.alias_moves ALTER COLUMN seq SET DEFAULT nextval('public.alias_moves_seq_seq'::regclass);
ALTER TABLE ONLY public.audit ALTER COLUMN seq SET DEFAULT nextval('public.audit_seq_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN seq SET DEFAULT nextval('public.events_seq_seq'::regclass);
ALTER TABLE ONLY public.lineage ALTER COLUMN seq SET DEFAULT nextval('public.lineage_seq_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.alias_moves VALUES (1, 'c635a1398a694ae1bf8d099b9aa9c608', 'prod.sales.churn', 'Champion', NULL, 1, 1795491034877, 'admin', '070dbaaf4fcb4d3c9451f66c844323c2', 'champion', '');
INSERT INTO public.alias_moves VALUES (2, 'c635a1398a694ae1bf8d099b9aa9c608', 'prod.sales.churn', 'Old', NULL, 1, 1795491034889, 'admin', '34cdbd6d502c406f9c5d4a593677afc6', 'old', '');
INSERT INTO public.alias_moves VALUES (3, 'c635a1398a694ae1bf8d099b9aa9c608', 'prod.sales.churn', 'champion', 1, 2, 1795491034896, 'admin', 'cdd9966707f84ddab2e8dfd8a735e971', 'champion', '');
INSERT INTO public.alias_moves VALUES (4, 'c635a1398a694ae1bf8d099b9aa9c608', 'prod.sales.churn', 'old', 1, NULL, 1795491034906, 'admin', '7c85595cdbb84563b4e886a9892247ca', 'old', '');
INSERT INTO public.aliases VALUES ('c635a1398a694ae1bf8d099b9aa9c608', 'champion', 'champion', '798ba43a7f5b47f6a84bae040061c6a7');
INSERT INTO public.audit VALUES (1, '8ad2ed1785ca4f359bdacd63930b0732', 1795491034650, '3c96edf847b04b66a185b52e8e1618c4', 'modelyard', 'createCatalog', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"name":"dev","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''', 'dev', NULL);
INSERT INTO public.audit VALUES (2, 'f3e81f0a4a5b44269e77bffdee23a044', 1795491034656, '08030ca4768e4ea0b711f4c6915d2e12', 'modelyard', 'createCatalog', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"name":"prod","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''', 'prod', NULL);
INSERT INTO public.audit VALUES (3, 'c86323fca2c84b98811483dfc14c2912', 1795491034663, 'a1f360e6253344c7b0a43f61b354de64', 'modelyard', 'createSchema', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"catalog":{"kind":"CATALOG","name":"dev"},"name":"sales","comment":"","properties":{}}', 'done', '', 'owns Catalog ''dev''', 'dev.sales', NULL);
INSERT INTO public.audit VALUES (4, '1e87ca88004e4ef9bddbe61d8ff4fd28', 1795491034671, '25b6858f17b249a08ccd30c07022e442', 'modelyard', 'createSchema', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"catalog":{"kind":"CATALOG","name":"prod"},"name":"sales","comment":"","properties":{}}', 'done', '', 'owns Catalog ''prod''', 'prod.sales', NULL);
INSERT INTO public.audit VALUES (5, '4c8580d7dc6c4e6cb357f62ebaeaa234', 1795491034704, '50de4d20f36b4b08ac4da897a6978e9b', 'modelyard', 'createPrincipal', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"kind":"user","name":"ada@example.com","display_name":"","members":[],"profile":{"external_id":"","given_name":"","family_name":"","emails":[],"roles":[],"entitlements":[]},"active":true,"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''', '', NULL);
INSERT INTO public.audit VALUES (6, '0ff3b04949734e9d8f85993f87edddf0', 1795491034710, '2d305ee5ff4f480eb4619e4a52299865', 'modelyard', 'createTokenFor', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"principal":"ada@example.com","comment":"","seconds":null,"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''', '', NULL);
INSERT INTO public.audit VALUES (7, '013a030b56034d06b2f8218554e7ddc3', 1795491034743, 'fb74b16d1b95417eb910ba200af5193e', 'modelyard', 'changeGrants', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"securable":{"kind":"CATALOG","name":"prod"},"changes":[{"principal":"ada@example.com","add":["USE_SCHEMA","EXECUTE","USE_CATALOG"],"remove":[]}],"silent":false}', 'done', '', 'owns Catalog ''prod''', 'prod', NULL);
INSERT INTO public.audit VALUES (8, '6a5b702bc1ff4886a2581b1ab613d406', 1795491034774, 'e982aeec5c2b42aa8ae28b2b0967728d', 'modelyard', 'createModel', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"schema":{"kind":"SCHEMA","name":"dev.sales"},"name":"churn","comment":"","tags":[],"deployment_job_id":""}', 'done', '', 'owns Schema ''dev.sales''', 'dev.sales.churn', NULL);
INSERT INTO public.audit VALUES (9, 'b4f4cdd3a01d42938632b498e9f3f24a', 1795491034779, 'f5ed934e42a64810991e666e5c409946', 'modelyard', 'createModel', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"churn","comment":"","tags":[],"deployment_job_id":""}', 'done', '', 'owns Schema ''prod.sales''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (10, '9e705d5d230f4337b656f4bddcf921c5', 1795491034789, '9a63070ceb884005b233afd2b06c8df5', 'modelyard', 'registerVersion', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (11, 'ab48000495ff421c94b4ae40e3cb0669', 1795491034804, '74259e2dc54742d6944d330e63d75539', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"MLmodel","sha256":"2000e52c4ae79fcd053f052c3e50632ac21e9400e6d9634055790cbf3da949fc","size":45,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (12, 'be2a1990b69441fea193654964b7449a', 1795491034813, '14e5068e9e4944139f2bf0363729ccb4', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (13, '3b878f24e8184580b993f131b6f736cd', 1795491034822, 'd55414e82bd9434493d6e6416dd4bcb8', 'modelyard', 'finalizeVersion', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (14, '258e260d4ed64f4aa9bc92c92bc9005d', 1795491034826, 'b3325899801c45bf990d367a9c90760b', 'modelyard', 'registerVersion', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (15, '3347491b6118425eaf323f07525d09bf', 1795491034835, '29388bc155184ec79f8c32455ecf6e1d', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"MLmodel","sha256":"1ca53c792658279dd1dabe3d25435dda49f641ef566193f1ac9be82aee22036f","size":45,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (16, '3db69159f52744b0a8a35602a0da0c57', 1795491034844, 'e82fd70c90ec415188a041f3f1d28d99', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (17, 'b875c793dd18459691611a23fd8d1202', 1795491034851, 'ae0078f2be464f7a8caa5b93e938372a', 'modelyard', 'finalizeVersion', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (18, '97324926bbb543f9a6fedb09604cb345', 1795491034855, '6655660664b244baadbbf473f14791d1', 'modelyard', 'registerVersion', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (19, 'fbd26d03bf5b4838a853f3fa12eb8fbe', 1795491034863, 'd59cb7eb7f694180ab8a5eabd08bfd9b', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"MLmodel","sha256":"da33d61012de0518ddaeb8d99c2f1ceb334d1d6d315ec5ce6576158c3a5b1bc9","size":45,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (20, '5eb1255ae33e48d6a60b4d4c1568d00b', 1795491034873, '71492fa429ba4a1abf94d7a52e9a74aa', 'modelyard', 'keepFile', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (21, '8b93cfe683f04aad891a883765bd3299', 1795491034885, '070dbaaf4fcb4d3c9451f66c844323c2', 'modelyard', 'setAlias', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":1,"expected_version":null,"reason":""}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (22, '43ff17abc5164b5db08ad4355312eda5', 1795491034893, '34cdbd6d502c406f9c5d4a593677afc6', 'modelyard', 'setAlias', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Old","version":1,"expected_version":null,"reason":""}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (23, 'ff6b7f392766439e858b68c859a8d6cd', 1795491034901, 'cdd9966707f84ddab2e8dfd8a735e971', 'modelyard', 'setAlias', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"champion","version":2,"expected_version":null,"reason":""}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (24, '75f1fa64a01f4375b7251fd0f5bceddc', 1795491034908, '7c85595cdbb84563b4e886a9892247ca', 'modelyard', 'deleteAlias', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"old","expected_version":null,"reason":""}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (25, '605b64cd09a34b19a84e502840830c1c', 1795491034917, 'af3fc20b0c964c338b7a297478deb9ff', 'modelyard', 'setVersionTag', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"tag":{"key":"Stage","value":"live"}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''', 'prod.sales.churn', NULL);
INSERT INTO public.audit VALUES (26, '54d2430947ab4fb5ab63362fde518290', 1795491034924, '206cf5232d6f4a4cad658a4f6c8e2648', 'modelyard', 'createPrincipal', 'admin', '3bb95be14896490c97fbf1b4952db467', '0f7f6e9650b64b1991e7012ea4c93ce9', '127.0.0.1', 'python-httpx/0.28.1', '{"kind":"group","name":"scientists","display_name":"scientists","members":[],"profile":{"external_id":"","given_name":"","family_name":"","emails":[],"roles":[],"entitlements":[]},"active":true,"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''', '', NULL);
INSERT INTO public.entries VALUES ('e02870f25ae84542869a181fb53e3f7f', 'MLmodel', '', 0, 45, '2000e52c4ae79fcd053f052c3e50632ac21e9400e6d9634055790cbf3da949fc', 1795491034800);
INSERT INTO public.entries VALUES ('e02870f25ae84542869a181fb53e3f7f', 'data', '', 1, 0, '', 1795491034811);
INSERT INTO public.entries VALUES ('e02870f25ae84542869a181fb53e3f7f', 'data/weights.bin', 'data', 0, 25, '294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511', 1795491034811);
INSERT INTO public.entries VALUES ('798ba43a7f5b47f6a84bae040061c6a7', 'MLmodel', '', 0, 45, '1ca53c792658279dd1dabe3d25435dda49f641ef566193f1ac9be82aee22036f', 1795491034834);
INSERT INTO public.entries VALUES ('798ba43a7f5b47f6a84bae040061c6a7', 'data', '', 1, 0, '', 1795491034843);
INSERT INTO public.entries VALUES ('798ba43a7f5b47f6a84bae040061c6a7', 'data/weights.bin', 'data', 0, 25, '294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511', 1795491034843);
INSERT INTO public.entries VALUES ('61260d8b82044c818e1396b1924e6958', 'MLmodel', '', 0, 45, 'da33d61012de0518ddaeb8d99c2f1ceb334d1d6d315ec5ce6576158c3a5b1bc9', 1795491034862);
INSERT INTO public.entries VALUES ('61260d8b82044c818e1396b1924e6958', 'data', '', 1, 0, '', 1795491034870);
INSERT INTO public.entries VALUES ('61260d8b82044c818e1396b1924e6958', 'data/weights.bin', 'data', 0, 25, '294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511', 1795491034870);
INSERT INTO public.events VALUES (1, '2624ae67715046cc8ee7c68c12e7dae3', 'catalog.created', 1795491034647, '3c96edf847b04b66a185b52e8e1618c4', 'dev', '{"by": "admin"}');
INSERT INTO public.events VALUES (2, '89f0e94b4e08467fbf9382ae83ec866a', 'catalog.created', 1795491034655, '08030ca4768e4ea0b711f4c6915d2e12', 'prod', '{"by": "admin"}');
INSERT INTO public.events VALUES (3, 'b17cdf5eb4b549118128a9a54eee2a63', 'schema.created', 1795491034661, 'a1f360e6253344c7b0a43f61b354de64', 'dev.sales', '{"by": "admin"}');
INSERT INTO public.events VALUES (4, '30862f5128b147258d4f927b64a84ecc', 'schema.created', 1795491034669, '25b6858f17b249a08ccd30c07022e442', 'prod.sales', '{"by": "admin"}');
INSERT INTO public.events VALUES (5, '6890ffe7152e4f968c6a98bbc8c293a9', 'principal.created', 1795491034700, '50de4d20f36b4b08ac4da897a6978e9b', '', '{"principal": "ada@example.com", "kind": "user", "by": "admin"}');
INSERT INTO public.events VALUES (6, '775a705f39ba4e7abaecb7a6a22def92', 'token.created', 1795491034709, '2d305ee5ff4f480eb4619e4a52299865', '', '{"principal": "ada@example.com", "token_id": "34215fad92354415906e03fd2538a32a", "by": "admin"}');
INSERT INTO public.events VALUES (7, '6d6a7c0f9c0a42fda7ecd477050703e5', 'grants.changed', 1795491034738, 'fb74b16d1b95417eb910ba200af5193e', 'prod', '{"principal": "ada@example.com", "add": ["EXECUTE", "USE_CATALOG", "USE_SCHEMA"], "remove": [], "by": "admin"}');
INSERT INTO public.events VALUES (8, '6dffa583e25c4a38bfa1d9f9cb786b1b', 'registered_model.created', 1795491034770, 'e982aeec5c2b42aa8ae28b2b0967728d', 'dev.sales.churn', '{"by": "admin"}');
INSERT INTO public.events VALUES (9, '7c5bde426fae4fe2a910a2efa498efa7', 'registered_model.created', 1795491034778, 'f5ed934e42a64810991e666e5c409946', 'prod.sales.churn', '{"by": "admin"}');
INSERT INTO public.events VALUES (10, '7c42416766f14ba9a419322dc159511d', 'model_version.created', 1795491034787, '9a63070ceb884005b233afd2b06c8df5', 'prod.sales.churn', '{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (11, 'dab71f87abd8441ea519005c544c13d5', 'model_version.ready', 1795491034818, 'd55414e82bd9434493d6e6416dd4bcb8', 'prod.sales.churn', '{"version": 1, "digest": "195c641bcf54aa8ff97bdb06fc9fc4e15b736a677186d9aca7214dd02c199995", "by": "admin"}');
INSERT INTO public.events VALUES (12, '2986a256c60a444795076d104fdeff56', 'model_version.created', 1795491034826, 'b3325899801c45bf990d367a9c90760b', 'prod.sales.churn', '{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (13, 'f48b98ee0550453aa6eab5a39987e7eb', 'model_version.ready', 1795491034848, 'ae0078f2be464f7a8caa5b93e938372a', 'prod.sales.churn', '{"version": 2, "digest": "197fe4cf21cf9ea6071c70b68b87891b3f073ba4d2e496d5d3e9b6891c9a0493", "by": "admin"}');
INSERT INTO public.events VALUES (14, 'eac7f848ad07493cba08ac837c12dc55', 'model_version.created', 1795491034854, '6655660664b244baadbbf473f14791d1', 'prod.sales.churn', '{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (15, '01602002974f4ce48d7868414b99b105', 'alias.set', 1795491034877, '070dbaaf4fcb4d3c9451f66c844323c2', 'prod.sales.churn', '{"alias": "Champion", "version": 1, "was": null, "by": "admin"}');
INSERT INTO public.events VALUES (16, '788e2eeaf3af49a38e47d6eea475fe1b', 'alias.set', 1795491034889, '34cdbd6d502c406f9c5d4a593677afc6', 'prod.sales.churn', '{"alias": "Old", "version": 1, "was": null, "by": "admin"}');
INSERT INTO public.events VALUES (17, '798030d0503d4abdafe481c53c67c4bb', 'alias.set', 1795491034896, 'cdd9966707f84ddab2e8dfd8a735e971', 'prod.sales.churn', '{"alias": "champion", "version": 2, "was": 1, "by": "admin"}');
INSERT INTO public.events VALUES (18, 'f2804d1e04a94812b47f4fedc8c9f5f7', 'alias.deleted', 1795491034906, '7c85595cdbb84563b4e886a9892247ca', 'prod.sales.churn', '{"alias": "old", "was": 1, "by": "admin"}');
INSERT INTO public.events VALUES (19, 'd9c8ad1a755f473abe2f9d534313d1b0', 'tag.set', 1795491034913, 'af3fc20b0c964c338b7a297478deb9ff', 'prod.sales.churn', '{"version": 2, "key": "Stage", "value": "live", "by": "admin"}');
INSERT INTO public.events VALUES (20, '120545c3fe3c41f093594a1854743a88', 'principal.created', 1795491034921, '206cf5232d6f4a4cad658a4f6c8e2648', '', '{"principal": "scientists", "kind": "group", "by": "admin"}');
INSERT INTO public.grants VALUES ('bf7194bfa2a04aaabae45e0a36f4349c', '4e9527f835e245bab81400892050b47c', 'EXECUTE');
INSERT INTO public.grants VALUES ('bf7194bfa2a04aaabae45e0a36f4349c', '4e9527f835e245bab81400892050b47c', 'USE_CATALOG');
INSERT INTO public.grants VALUES ('bf7194bfa2a04aaabae45e0a36f4349c', '4e9527f835e245bab81400892050b47c', 'USE_SCHEMA');
INSERT INTO public.installation VALUES ('26fdcb4e6ce04426b0d791b1fab663ec', 1157375905024736, 1795491034575);
INSERT INTO public.members VALUES ('3bb95be14896490c97fbf1b4952db467', 'admins');
INSERT INTO public.models VALUES ('0fb0295303ff4387a26ad3bc3fc63158', 0, '');
INSERT INTO public.models VALUES ('c635a1398a694ae1bf8d099b9aa9c608', 3, '');
INSERT INTO public.principals VALUES ('admins', 'group', 'admins', 'admins', 'admins', 1, 1795491034575, '', '{"given_name":"","family_name":"","emails":[],"roles":[]}', '[]');
INSERT INTO public.principals VALUES ('account users', 'group', 'account users', 'account users', 'account users', 1, 1795491034575, '', '{"given_name":"","family_name":"","emails":[],"roles":[]}', '[]');
INSERT INTO public.principals VALUES ('3bb95be14896490c97fbf1b4952db467', 'user', 'admin', 'admin', 'admin', 1, 1795491034575, '', '{"given_name":"","family_name":"","emails":[],"roles":[]}', '[]');
INSERT INTO public.principals VALUES ('4e9527f835e245bab81400892050b47c', 'user', 'ada@example.com', 'ada@example.com', 'ada@example.com', 1, 1795491034700, '', '{"given_name":"","family_name":"","emails":[],"roles":[]}', '[]');
INSERT INTO public.principals VALUES ('9598c48c543a40a4a92228456443ae74', 'group', 'scientists', 'scientists', 'scientists', 1, 1795491034921, '', '{"given_name":"","family_name":"","emails":[],"roles":[]}', '[]');
INSERT INTO public.securables VALUES ('26fdcb4e6ce04426b0d791b1fab663ec', 'METASTORE', NULL, '', 'admins', '', '{}', 1795491034575, 'admin', 1795491034575, 'admin');
INSERT INTO public.securables VALUES ('7bad9ed124fb4cbdb1424c258cf64100', 'CATALOG', '26fdcb4e6ce04426b0d791b1fab663ec', 'dev', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034647, 'admin', 1795491034647, 'admin');
INSERT INTO public.securables VALUES ('bf7194bfa2a04aaabae45e0a36f4349c', 'CATALOG', '26fdcb4e6ce04426b0d791b1fab663ec', 'prod', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034655, 'admin', 1795491034655, 'admin');
INSERT INTO public.securables VALUES ('cc0488cea10f483793752562713e10b8', 'SCHEMA', '7bad9ed124fb4cbdb1424c258cf64100', 'dev.sales', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034661, 'admin', 1795491034661, 'admin');
INSERT INTO public.securables VALUES ('5b5af430122144b887ebb24d030a1cb5', 'SCHEMA', 'bf7194bfa2a04aaabae45e0a36f4349c', 'prod.sales', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034669, 'admin', 1795491034669, 'admin');
INSERT INTO public.securables VALUES ('0fb0295303ff4387a26ad3bc3fc63158', 'FUNCTION', 'cc0488cea10f483793752562713e10b8', 'dev.sales.churn', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034770, 'admin', 1795491034770, 'admin');
INSERT INTO public.securables VALUES ('c635a1398a694ae1bf8d099b9aa9c608', 'FUNCTION', '5b5af430122144b887ebb24d030a1cb5', 'prod.sales.churn', '3bb95be14896490c97fbf1b4952db467', '', '{}', 1795491034778, 'admin', 1795491034906, 'admin');
INSERT INTO public.tokens VALUES ('0f7f6e9650b64b1991e7012ea4c93ce9', '83bfaa7ace1b63996b7828ebfd1c48a3f46a2a6b41c64208b24157958410cb6c', '3bb95be14896490c97fbf1b4952db467', 'made by the first start', 1795491034575, '', NULL, 'personal', NULL);
INSERT INTO public.tokens VALUES ('34215fad92354415906e03fd2538a32a', '01e53c5934034c5baa494f905aef150b8b102ababdcb316fa0513817afab1f78', '4e9527f835e245bab81400892050b47c', '', 1795491034709, 'admin', NULL, 'personal', NULL);
INSERT INTO public.version_tags VALUES ('798ba43a7f5b47f6a84bae040061c6a7', 'Stage', 'live');
INSERT INTO public.versions VALUES ('e02870f25ae84542869a181fb53e3f7f', 'c635a1398a694ae1bf8d099b9aa9c608', 1, 'READY', '', 'somewhere', '', '', '', 'm-00000000000000000000000000000001', '[]', '3bb95be14896490c97fbf1b4952db467', 1795491034787, 'admin', 1795491034818, 'admin', '195c641bcf54aa8ff97bdb06fc9fc4e15b736a677186d9aca7214dd02c199995');
INSERT INTO public.versions VALUES ('61260d8b82044c818e1396b1924e6958', 'c635a1398a694ae1bf8d099b9aa9c608', 3, 'PENDING_REGISTRATION', '', 'somewhere', '', '', '', '', '[]', '3bb95be14896490c97fbf1b4952db467', 1795491034854, 'admin', 1795491034854, 'admin', '');
INSERT INTO public.versions VALUES ('798ba43a7f5b47f6a84bae040061c6a7', 'c635a1398a694ae1bf8d099b9aa9c608', 2, 'READY', '', 'somewhere', '', '', '', 'm-00000000000000000000000000000002', '[]', '3bb95be14896490c97fbf1b4952db467', 1795491034826, 'admin', 1795491034913, 'admin', '197fe4cf21cf9ea6071c70b68b87891b3f073ba4d2e496d5d3e9b6891c9a0493');
SELECT pg_catalog.setval('public.alias_moves_seq_seq', 4, true);
SELECT pg_catalog.setval('public.audit_seq_seq', 26, true);
SELECT pg_catalog.setval('public.events_seq_seq', 20, true);
SELECT pg_catalog.setval('public.lineage_seq_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.alias_movers
    ADD CONSTRAINT pk_alias_movers PRIMARY KEY (schema_id, pattern, principal_id);
ALTER TABLE ONLY public.alias_moves
    ADD CONSTRAINT pk_alias_moves PRIMARY KEY (seq);
ALTER TABLE ONLY public.aliases
    ADD CONSTRAINT pk_aliases PRIMARY KEY (model_id, folded);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (seq);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT pk_entries PRIMARY KEY (version_id, path);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (seq);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT pk_grants PRIMARY KEY (securable_id, principal_id, privilege);
ALTER TABLE ONLY public.identities
    ADD CONSTRAINT pk_identities PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT pk_installation PRIMARY KEY (id);
ALTER TABLE ONLY public.lineage
    ADD CONSTRAINT pk_lineage PRIMARY KEY (seq);
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT pk_logins PRIMARY KEY (state);
ALTER TABLE ONLY public.members
    ADD CONSTRAINT pk_members PRIMARY KEY (member_id, group_id);
ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (id);
ALTER TABLE ONLY public.principals
    ADD CONSTRAINT pk_principals PRIMARY KEY (id);
ALTER TABLE ONLY public.prompt_aliases
    ADD CONSTRAINT pk_prompt_aliases PRIMARY KEY (prompt_id, folded);
ALTER TABLE ONLY public.prompt_links
    ADD CONSTRAINT pk_prompt_links PRIMARY KEY (version_id, kind, target);
ALTER TABLE ONLY public.prompt_version_tags
    ADD CONSTRAINT pk_prompt_version_tags PRIMARY KEY (owner_id, key);
ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT pk_prompt_versions PRIMARY KEY (id);
ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT pk_prompts PRIMARY KEY (id);
ALTER TABLE ONLY public.protected_aliases
    ADD CONSTRAINT pk_protected_aliases PRIMARY KEY (schema_id, pattern);
ALTER TABLE ONLY public.seals
    ADD CONSTRAINT pk_seals PRIMARY KEY (number);
ALTER TABLE ONLY public.securable_tags
    ADD CONSTRAINT pk_securable_tags PRIMARY KEY (owner_id, key);
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT pk_securables PRIMARY KEY (id);
ALTER TABLE ONLY public.service_secrets
    ADD CONSTRAINT pk_service_secrets PRIMARY KEY (id);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (id);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT pk_uploads PRIMARY KEY (id);
ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT pk_version_tags PRIMARY KEY (owner_id, key);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT pk_versions PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT uq_audit_event_id UNIQUE (event_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT uq_events_id UNIQUE (id);
ALTER TABLE ONLY public.lineage
    ADD CONSTRAINT uq_lineage_version_id_direction_kind_name UNIQUE (version_id, direction, kind, name);
ALTER TABLE ONLY public.principals
    ADD CONSTRAINT uq_principals_folded UNIQUE (folded);
ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT uq_prompt_versions_prompt_id_number UNIQUE (prompt_id, number);
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT uq_securables_full_name UNIQUE (full_name);
ALTER TABLE ONLY public.service_secrets
    ADD CONSTRAINT uq_service_secrets_secret_hash UNIQUE (secret_hash);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT uq_tokens_secret_hash UNIQUE (secret_hash);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT uq_versions_model_id_number UNIQUE (model_id, number);
CREATE INDEX ix_alias_movers_principal_id ON public.alias_movers USING btree (principal_id);
CREATE INDEX ix_alias_moves_model_id_folded_seq ON public.alias_moves USING btree (model_id, folded, seq);
CREATE INDEX ix_aliases_version_id ON public.aliases USING btree (version_id);
CREATE INDEX ix_audit_action_name_seq ON public.audit USING btree (action_name, seq);
CREATE INDEX ix_audit_event_time ON public.audit USING btree (event_time);
CREATE INDEX ix_audit_principal_seq ON public.audit USING btree (principal, seq);
CREATE INDEX ix_audit_request_id ON public.audit USING btree (request_id);
CREATE INDEX ix_audit_seal ON public.audit USING btree (seal);
CREATE INDEX ix_audit_securable_seq ON public.audit USING btree (securable, seq);
CREATE INDEX ix_audit_unsealed ON public.audit USING btree (seq) WHERE (seal IS NULL);
CREATE INDEX ix_entries_sha256 ON public.entries USING btree (sha256);
CREATE INDEX ix_entries_version_id_parent_path ON public.entries USING btree (version_id, parent, path);
CREATE INDEX ix_grants_principal_id_privilege_securable_id ON public.grants USING btree (principal_id, privilege, securable_id);
CREATE INDEX ix_identities_principal_id ON public.identities USING btree (principal_id);
CREATE INDEX ix_lineage_other_id ON public.lineage USING btree (other_id);
CREATE INDEX ix_members_group_id ON public.members USING btree (group_id);
CREATE INDEX ix_prompt_aliases_version_id ON public.prompt_aliases USING btree (version_id);
CREATE INDEX ix_securables_owner_id ON public.securables USING btree (owner_id);
CREATE INDEX ix_securables_parent_id ON public.securables USING btree (parent_id);
CREATE INDEX ix_service_secrets_principal_id ON public.service_secrets USING btree (principal_id);
CREATE INDEX ix_tokens_principal_id ON public.tokens USING btree (principal_id);
CREATE INDEX ix_uploads_version_id ON public.uploads USING btree (version_id);
CREATE INDEX ix_versions_run_id ON public.versions USING btree (run_id);
ALTER TABLE ONLY public.alias_movers
    ADD CONSTRAINT fk_alias_movers_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.alias_movers
    ADD CONSTRAINT fk_alias_movers_schema_id_pattern FOREIGN KEY (schema_id, pattern) REFERENCES public.protected_aliases(schema_id, pattern) ON DELETE CASCADE;
ALTER TABLE ONLY public.aliases
    ADD CONSTRAINT fk_aliases_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.aliases
    ADD CONSTRAINT fk_aliases_version_id FOREIGN KEY (version_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT fk_entries_version_id FOREIGN KEY (version_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT fk_grants_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT fk_grants_securable_id FOREIGN KEY (securable_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.identities
    ADD CONSTRAINT fk_identities_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lineage
    ADD CONSTRAINT fk_lineage_version_id FOREIGN KEY (version_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.members
    ADD CONSTRAINT fk_members_group_id FOREIGN KEY (group_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.members
    ADD CONSTRAINT fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.models
    ADD CONSTRAINT fk_models_id FOREIGN KEY (id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompt_aliases
    ADD CONSTRAINT fk_prompt_aliases_prompt_id FOREIGN KEY (prompt_id) REFERENCES public.prompts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompt_aliases
    ADD CONSTRAINT fk_prompt_aliases_version_id FOREIGN KEY (version_id) REFERENCES public.prompt_versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompt_links
    ADD CONSTRAINT fk_prompt_links_version_id FOREIGN KEY (version_id) REFERENCES public.prompt_versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompt_version_tags
    ADD CONSTRAINT fk_prompt_version_tags_owner_id FOREIGN KEY (owner_id) REFERENCES public.prompt_versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompt_versions
    ADD CONSTRAINT fk_prompt_versions_prompt_id FOREIGN KEY (prompt_id) REFERENCES public.prompts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT fk_prompts_id FOREIGN KEY (id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.protected_aliases
    ADD CONSTRAINT fk_protected_aliases_schema_id FOREIGN KEY (schema_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.securable_tags
    ADD CONSTRAINT fk_securable_tags_owner_id FOREIGN KEY (owner_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT fk_securables_owner_id FOREIGN KEY (owner_id) REFERENCES public.principals(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT fk_securables_parent_id FOREIGN KEY (parent_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.service_secrets
    ADD CONSTRAINT fk_service_secrets_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT fk_tokens_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT fk_uploads_version_id FOREIGN KEY (version_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT fk_version_tags_owner_id FOREIGN KEY (owner_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT fk_versions_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;
