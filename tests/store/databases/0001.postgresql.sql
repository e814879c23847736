-- A small database as the first release wrote it (migration 0001). Tokens: admin mypat_4a010ccb41c61bb08f30bf87c2ce46b9f287e15992895a5764eeed191ac2415c, ada@example.com mypat_469f84aac0d60967faa83b4e5e8997bcc3b386bd8bde3162b1aa5b1f3dcafbb9
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
CREATE TABLE public.alias_moves (
    seq bigint NOT NULL,
    model_id text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    alias text NOT NULL COLLATE pg_catalog."C",
    from_version bigint,
    to_version bigint,
    moved_at bigint NOT NULL,
    moved_by text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C"
);
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
    message text NOT NULL COLLATE pg_catalog."C"
);
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
CREATE TABLE public.events (
    seq bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    happened_at bigint NOT NULL,
    request_id text NOT NULL COLLATE pg_catalog."C",
    securable text NOT NULL COLLATE pg_catalog."C",
    payload text NOT NULL COLLATE pg_catalog."C"
);
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
CREATE TABLE public.installation (
    id text NOT NULL COLLATE pg_catalog."C",
    workspace_id bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.members (
    member_id text NOT NULL COLLATE pg_catalog."C",
    group_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.models (
    id text NOT NULL COLLATE pg_catalog."C",
    last_version bigint NOT NULL,
    deployment_job_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.principals (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    display_name text NOT NULL COLLATE pg_catalog."C",
    active integer NOT NULL,
    created_at bigint NOT NULL
);
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
CREATE TABLE public.tokens (
    id text NOT NULL COLLATE pg_catalog."C",
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    principal_id text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    expires_at bigint
);
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
ALTER TABLE ONLY public.alias_moves ALTER COLUMN seq SET DEFAULT nextval('public.alias_moves_seq_seq'::regclass);
ALTER TABLE ONLY public.audit ALTER COLUMN seq SET DEFAULT nextval('public.audit_seq_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN seq SET DEFAULT nextval('public.events_seq_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.alias_moves VALUES (1, 'baf27fef51224ba3820ae0b28fd5f9c0', 'prod.sales.churn', 'Champion', NULL, 1, 1795471244971, 'admin', 'ec4817637c08402dbeb5d0e06da437a1');
INSERT INTO public.alias_moves VALUES (2, 'baf27fef51224ba3820ae0b28fd5f9c0', 'prod.sales.churn', 'Champion', 1, 2, 1795471244992, 'admin', '8b5d1eeaa7644216b49485c759008f35');
INSERT INTO public.alias_moves VALUES (3, 'baf27fef51224ba3820ae0b28fd5f9c0', 'prod.sales.churn', 'Old', NULL, 1, 1795471245010, 'admin', '1ff1f9b9451f4319b6f4477bfa79e238');
INSERT INTO public.alias_moves VALUES (4, 'baf27fef51224ba3820ae0b28fd5f9c0', 'prod.sales.churn', 'old', 1, NULL, 1795471245024, 'admin', '6626a48a555440699300354218bfbce8');
INSERT INTO public.aliases VALUES ('baf27fef51224ba3820ae0b28fd5f9c0', 'champion', 'Champion', '575552363a8a4e298ae96789756a0050');
INSERT INTO public.audit VALUES (1, '7e6ccb46951f4ca181c4abdf94e9b1ec', 1795471244216, 'aae6aa3c4d924786b5ae5d87d19a2538', 'modelyard', 'createCatalog', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"name":"prod","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''');
INSERT INTO public.audit VALUES (2, 'cda5c0b5a43243ee99183d36077944af', 1795471244225, '4a20bac457b34fa280e57e531a82762b', 'modelyard', 'createCatalog', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"name":"dev","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''');
INSERT INTO public.audit VALUES (3, 'c1c393b3e40149e9a3faf90ba41d060c', 1795471244238, 'fe1b8359e73947069e1ad8145e2b38d0', 'modelyard', 'createSchema', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"catalog":{"kind":"CATALOG","name":"dev"},"name":"sales","comment":"","properties":{}}', 'done', '', 'owns Catalog ''dev''');
INSERT INTO public.audit VALUES (4, 'e652ea141d154e32a7338d3cf5654509', 1795471244253, '152ec06f26514f829bbe0d2c1f0d2c19', 'modelyard', 'createSchema', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"catalog":{"kind":"CATALOG","name":"prod"},"name":"sales","comment":"","properties":{}}', 'done', '', 'owns Catalog ''prod''');
INSERT INTO public.audit VALUES (5, '8673cbc4b9754c82ab2519cac6da30bb', 1795471244327, '5ea4db6a102d4ce49b576d22e5fda8f3', 'modelyard', 'createPrincipal', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"kind":"user","name":"ada@example.com","display_name":"","members":[],"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''');
INSERT INTO public.audit VALUES (6, '5ec7ac7188084046bb853260021bdceb', 1795471244339, '188180407d6f4c60a1f2f287c93a12d2', 'modelyard', 'createTokenFor', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"principal":"ada@example.com","comment":"","seconds":null,"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''');
INSERT INTO public.audit VALUES (7, '131b4b6bd509482e984c94ea37ca75d7', 1795471244469, 'bf5126b15500455fb4adb275910080ea', 'modelyard', 'createPrincipal', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"kind":"group","name":"readers","display_name":"readers","members":["b6d8f8f457114eecaecd6d4ba38100cd"],"metastore":{"kind":"METASTORE","name":""}}', 'done', '', 'owns Metastore ''''');
INSERT INTO public.audit VALUES (8, '271454155d8f4206a7aaca3f94a2fea8', 1795471244561, '00c3cd3d3fbc43a29086063a90f0d6ef', 'modelyard', 'changeGrants', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"securable":{"kind":"CATALOG","name":"prod"},"changes":[{"principal":"readers","add":["USE_CATALOG","EXECUTE","USE_SCHEMA"],"remove":[]}]}', 'done', '', 'owns Catalog ''prod''');
INSERT INTO public.audit VALUES (9, '66706b92efcc4a1f9a84a68920ef6b14', 1795471244651, '21bbf990ddff4105925f0bccf767658e', 'modelyard', 'createModel', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"schema":{"kind":"SCHEMA","name":"dev.sales"},"name":"churn","comment":"who leaves","tags":[{"key":"team","value":"sales"}],"deployment_job_id":""}', 'done', '', 'owns Schema ''dev.sales''');
INSERT INTO public.audit VALUES (10, '3bcf35ba666b4e1ca27b164bea8bfecc', 1795471244667, '523082e6a54348e88586e74879126703', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (11, 'a9c68823fae5459dafbfa0e077374a81', 1795471244701, '534f0dc5c4a14622ac3932349f01d2cf', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":1,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (12, 'b143f962b4874392bcb4cd5ceb6b17ab', 1795471244718, 'f427281b84c94c1da5c9398462908eca', 'modelyard', 'finalizeVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":1}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (13, '8077c6f3a7c8471eb41262a7ecd41f85', 1795471244731, '43e53b5d0a0d4ab38a8e355e71465d63', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (14, '9afa4d91eae64a0091572b1d60d948af', 1795471244753, '15086ce819d442b489b3d6330a1d18c8', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":2,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (15, '5c0d38e5b25b404c87277f17a27d58f2', 1795471244767, '383cbdd7f08e4772b1bd8ac9095e4048', 'modelyard', 'finalizeVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":2}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (16, 'bfaa83165f184fc4912c4e96e2e4f833', 1795471244777, '354d2451b0bb452a83cb7fad74b2b317', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (17, '121a37c5a1ba41e284747c8050483e84', 1795471244795, '445cb2e334bd45939c3cbb952e0edfc7', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":3,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''dev.sales.churn''');
INSERT INTO public.audit VALUES (18, '3d75c61c66224dd3b8084a5228b7ced4', 1795471244815, '89ec9b4313af40419a449f162af6aa6e', 'modelyard', 'createModel', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"churn","comment":"who leaves","tags":[{"key":"team","value":"sales"}],"deployment_job_id":""}', 'done', '', 'owns Schema ''prod.sales''');
INSERT INTO public.audit VALUES (19, '5d0514f583ee4054a5e6787f5adbd79d', 1795471244827, 'c43b212966e74a89964f231edd14b3c7', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (20, 'c778d0cef2274754acc531d12c68b533', 1795471244852, 'd1d962178fe743c7977b69df6fce6267', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (21, '7433d168005e4eff966982520fd5e9ff', 1795471244869, 'a88a29930fd440849d2ac7dab0630e46', 'modelyard', 'finalizeVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (22, '9dcf21ef09d94789b9bf7b6352baf726', 1795471244881, '7304be53db0241c29674d14ec15da2ab', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (23, '4f3c229011234677940003173e5520ba', 1795471244907, '1db58935f94b47939a9293b8a4251461', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (24, 'db27f1c66b7c472fbc9611f0db7f94bc', 1795471244926, '6d0d4d23bc394fc38d73aab73a5bcbd6', 'modelyard', 'finalizeVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (25, 'd6f1da745b3f4abe9f85cf0080e3e297', 1795471244939, '9dcb9ab2783c4bbaa5a52d3556eab17c', 'modelyard', 'registerVersion', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (26, '64c72dd744d74f8e971651c1bb1ad984', 1795471244958, '3c1142b271cd4d009c34c8b454eb5a65', 'modelyard', 'keepFile', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (27, '1c1cd74b174b4bd3836952bd1cab4355', 1795471244982, 'ec4817637c08402dbeb5d0e06da437a1', 'modelyard', 'setAlias', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":1,"expected_version":null}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (28, 'e3ef082a6cbc448d8dfc09b7c422513a', 1795471244998, '8b5d1eeaa7644216b49485c759008f35', 'modelyard', 'setAlias', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":2,"expected_version":null}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (29, '4b87e8e6c1c243ff9cfd6dd868733ed8', 1795471245014, '1ff1f9b9451f4319b6f4477bfa79e238', 'modelyard', 'setAlias', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Old","version":1,"expected_version":null}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (30, '2fd501c50abb4f69b7ef3e1cf77a7318', 1795471245029, '6626a48a555440699300354218bfbce8', 'modelyard', 'deleteAlias', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"old"}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (31, 'e560008a324e4f25b16c33a7e6b33258', 1795471245053, 'c6d61927784a473d968c7afdcfa8fbdc', 'modelyard', 'setVersionTag', 'admin', 'a599415c017b4e4e99e27a0d87106e8d', '53df6b8c515a4c4d9eec8e6b36a2a3c3', '127.0.0.1', 'python-httpx/0.28.1', '{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"tag":{"key":"Stage","value":"live"}}', 'done', '', 'owns Routine or Model ''prod.sales.churn''');
INSERT INTO public.audit VALUES (32, '34af9cb00944432098a57cb36f5d5ae0', 1795471245130, '23c15b41bbcf4071b2370a11ec64f328', 'modelyard', 'createModel', 'ada@example.com', 'b6d8f8f457114eecaecd6d4ba38100cd', '4b24aff46b1b42608de250450e6add94', '127.0.0.1', 'python-httpx/0.28.1', '{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"other","comment":"","tags":[],"deployment_job_id":""}', 'refused', 'Denied', 'User does not have CREATE MODEL on Schema ''prod.sales''.');
INSERT INTO public.entries VALUES ('23a6e011894d41b9a493acc46825f263', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244694);
INSERT INTO public.entries VALUES ('493ddb7b9b014384b175ed5efc4dbaf4', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244750);
INSERT INTO public.entries VALUES ('db5071f8d003425681007e5fd0d808b2', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244793);
INSERT INTO public.entries VALUES ('9713ae6ea30f4ff397aa61a0133bade0', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244848);
INSERT INTO public.entries VALUES ('575552363a8a4e298ae96789756a0050', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244903);
INSERT INTO public.entries VALUES ('8f71c8a2e2244a9bb89c18112a6c9e65', 'MLmodel', '', 0, 12, '7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f', 1795471244954);
INSERT INTO public.events VALUES (1, 'a3742a7ad589421a83f31427297746b2', 'catalog.created', 1795471244210, 'aae6aa3c4d924786b5ae5d87d19a2538', 'prod', '{"by": "admin"}');
INSERT INTO public.events VALUES (2, '62ecd68645e0404b8bd9cd94c3555e9f', 'catalog.created', 1795471244224, '4a20bac457b34fa280e57e531a82762b', 'dev', '{"by": "admin"}');
INSERT INTO public.events VALUES (3, 'adcc5c367bb64e68b20db45e342d656f', 'schema.created', 1795471244236, 'fe1b8359e73947069e1ad8145e2b38d0', 'dev.sales', '{"by": "admin"}');
INSERT INTO public.events VALUES (4, '090465865903454684831016802bb6b8', 'schema.created', 1795471244250, '152ec06f26514f829bbe0d2c1f0d2c19', 'prod.sales', '{"by": "admin"}');
INSERT INTO public.events VALUES (5, '7048ff0af1b043288f92c9e4bbb3e9eb', 'principal.created', 1795471244322, '5ea4db6a102d4ce49b576d22e5fda8f3', '', '{"principal": "ada@example.com", "kind": "user", "by": "admin"}');
INSERT INTO public.events VALUES (6, '981d47e2aa8d4f3f8ce4a63de70a2a38', 'token.created', 1795471244337, '188180407d6f4c60a1f2f287c93a12d2', '', '{"principal": "ada@example.com", "token_id": "4b24aff46b1b42608de250450e6add94", "by": "admin"}');
INSERT INTO public.events VALUES (7, 'f0d4c22314384403aead3e1165f14427', 'principal.created', 1795471244458, 'bf5126b15500455fb4adb275910080ea', '', '{"principal": "readers", "kind": "group", "by": "admin"}');
INSERT INTO public.events VALUES (8, '90d7df65705348d19408f5108c96f9b0', 'grants.changed', 1795471244553, '00c3cd3d3fbc43a29086063a90f0d6ef', 'prod', '{"principal": "readers", "add": ["EXECUTE", "USE_CATALOG", "USE_SCHEMA"], "remove": [], "by": "admin"}');
INSERT INTO public.events VALUES (9, 'a57f6a25b5b94588be0a27efa7b3a618', 'registered_model.created', 1795471244641, '21bbf990ddff4105925f0bccf767658e', 'dev.sales.churn', '{"by": "admin"}');
INSERT INTO public.events VALUES (10, '8cc95666c66b4408b462329206e75e46', 'model_version.created', 1795471244660, '523082e6a54348e88586e74879126703', 'dev.sales.churn', '{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (11, 'a4029a646047450fa2f3fa03d2b596db', 'model_version.ready', 1795471244710, 'f427281b84c94c1da5c9398462908eca', 'dev.sales.churn', '{"version": 1, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO public.events VALUES (12, '8ee5f8081d72474a84406a3675378ddd', 'model_version.created', 1795471244728, '43e53b5d0a0d4ab38a8e355e71465d63', 'dev.sales.churn', '{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (13, '4d06f221996b4347834ba27eb86274cc', 'model_version.ready', 1795471244761, '383cbdd7f08e4772b1bd8ac9095e4048', 'dev.sales.churn', '{"version": 2, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO public.events VALUES (14, '20f9fde65ed44894a04095178cba8cfd', 'model_version.created', 1795471244774, '354d2451b0bb452a83cb7fad74b2b317', 'dev.sales.churn', '{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (15, 'f64b3b4ae071403d9f5e6a9a2a8cb65c', 'registered_model.created', 1795471244807, '89ec9b4313af40419a449f162af6aa6e', 'prod.sales.churn', '{"by": "admin"}');
INSERT INTO public.events VALUES (16, 'f363a0b7f3594439b0e0da3766d63269', 'model_version.created', 1795471244824, 'c43b212966e74a89964f231edd14b3c7', 'prod.sales.churn', '{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (17, 'a4ea17e72c114a3a8b8d0a52ea5fcae1', 'model_version.ready', 1795471244862, 'a88a29930fd440849d2ac7dab0630e46', 'prod.sales.churn', '{"version": 1, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO public.events VALUES (18, '9497851601864de0a0c10d9e85e0b5c7', 'model_version.created', 1795471244878, '7304be53db0241c29674d14ec15da2ab', 'prod.sales.churn', '{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (19, '5999503816f74578b1e0ed32ee7030d5', 'model_version.ready', 1795471244920, '6d0d4d23bc394fc38d73aab73a5bcbd6', 'prod.sales.churn', '{"version": 2, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO public.events VALUES (20, '72c6e7a72c4a41b0bd9398478e8dba6d', 'model_version.created', 1795471244937, '9dcb9ab2783c4bbaa5a52d3556eab17c', 'prod.sales.churn', '{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO public.events VALUES (21, '50ca935c8ec641b3b022b40320abf21b', 'alias.set', 1795471244971, 'ec4817637c08402dbeb5d0e06da437a1', 'prod.sales.churn', '{"alias": "Champion", "version": 1, "was": null, "by": "admin"}');
INSERT INTO public.events VALUES (22, '4d32e520a0cf437195bc155f3e4ff3b3', 'alias.set', 1795471244992, '8b5d1eeaa7644216b49485c759008f35', 'prod.sales.churn', '{"alias": "Champion", "version": 2, "was": 1, "by": "admin"}');
INSERT INTO public.events VALUES (23, 'a60f11e3406548a3a707a06d4a865324', 'alias.set', 1795471245010, '1ff1f9b9451f4319b6f4477bfa79e238', 'prod.sales.churn', '{"alias": "Old", "version": 1, "was": null, "by": "admin"}');
INSERT INTO public.events VALUES (24, '57fd5afe44eb454eb130519a26d46a10', 'alias.deleted', 1795471245024, '6626a48a555440699300354218bfbce8', 'prod.sales.churn', '{"alias": "old", "was": 1, "by": "admin"}');
INSERT INTO public.events VALUES (25, '9add0399df3e4f059f8fa5c264ff3d49', 'tag.set', 1795471245041, 'c6d61927784a473d968c7afdcfa8fbdc', 'prod.sales.churn', '{"version": 2, "key": "Stage", "value": "live", "by": "admin"}');
INSERT INTO public.grants VALUES ('8ef80161eb084d03a25414cc7f7792d1', '122a03ee4c7c4afc9461ec9d8635e4f8', 'EXECUTE');
INSERT INTO public.grants VALUES ('8ef80161eb084d03a25414cc7f7792d1', '122a03ee4c7c4afc9461ec9d8635e4f8', 'USE_CATALOG');
INSERT INTO public.grants VALUES ('8ef80161eb084d03a25414cc7f7792d1', '122a03ee4c7c4afc9461ec9d8635e4f8', 'USE_SCHEMA');
INSERT INTO public.installation VALUES ('24d82b47991a43769b9c4a4c19bf8040', 1968923047925554, 1795471243760);
INSERT INTO public.members VALUES ('a599415c017b4e4e99e27a0d87106e8d', 'admins');
INSERT INTO public.members VALUES ('b6d8f8f457114eecaecd6d4ba38100cd', '122a03ee4c7c4afc9461ec9d8635e4f8');
INSERT INTO public.models VALUES ('98efffbde0224a15aa2552d2cc2bf529', 3, '');
INSERT INTO public.models VALUES ('baf27fef51224ba3820ae0b28fd5f9c0', 3, '');
INSERT INTO public.principals VALUES ('admins', 'group', 'admins', 'admins', 'admins', 1, 1795471243760);
INSERT INTO public.principals VALUES ('account users', 'group', 'account users', 'account users', 'account users', 1, 1795471243760);
INSERT INTO public.principals VALUES ('a599415c017b4e4e99e27a0d87106e8d', 'user', 'admin', 'admin', 'admin', 1, 1795471243760);
INSERT INTO public.principals VALUES ('b6d8f8f457114eecaecd6d4ba38100cd', 'user', 'ada@example.com', 'ada@example.com', 'ada@example.com', 1, 1795471244322);
INSERT INTO public.principals VALUES ('122a03ee4c7c4afc9461ec9d8635e4f8', 'group', 'readers', 'readers', 'readers', 1, 1795471244458);
INSERT INTO public.securable_tags VALUES ('98efffbde0224a15aa2552d2cc2bf529', 'team', 'sales');
INSERT INTO public.securable_tags VALUES ('baf27fef51224ba3820ae0b28fd5f9c0', 'team', 'sales');
INSERT INTO public.securables VALUES ('24d82b47991a43769b9c4a4c19bf8040', 'METASTORE', NULL, '', 'admins', '', '{}', 1795471243760, 'admin', 1795471243760, 'admin');
INSERT INTO public.securables VALUES ('8ef80161eb084d03a25414cc7f7792d1', 'CATALOG', '24d82b47991a43769b9c4a4c19bf8040', 'prod', 'a599415c017b4e4e99e27a0d87106e8d', '', '{}', 1795471244210, 'admin', 1795471244210, 'admin');
INSERT INTO public.securables VALUES ('abc8e4b792024d3b93f4bd0817b393ea', 'CATALOG', '24d82b47991a43769b9c4a4c19bf8040', 'dev', 'a599415c017b4e4e99e27a0d87106e8d', '', '{}', 1795471244224, 'admin', 1795471244224, 'admin');
INSERT INTO public.securables VALUES ('54520e13d362435c8b2bcbbb36a80bce', 'SCHEMA', 'abc8e4b792024d3b93f4bd0817b393ea', 'dev.sales', 'a599415c017b4e4e99e27a0d87106e8d', '', '{}', 1795471244236, 'admin', 1795471244236, 'admin');
INSERT INTO public.securables VALUES ('36552e60a2624c7f9fc18c88c3a747d9', 'SCHEMA', '8ef80161eb084d03a25414cc7f7792d1', 'prod.sales', 'a599415c017b4e4e99e27a0d87106e8d', '', '{}', 1795471244250, 'admin', 1795471244250, 'admin');
INSERT INTO public.securables VALUES ('98efffbde0224a15aa2552d2cc2bf529', 'FUNCTION', '54520e13d362435c8b2bcbbb36a80bce', 'dev.sales.churn', 'a599415c017b4e4e99e27a0d87106e8d', 'who leaves', '{}', 1795471244641, 'admin', 1795471244641, 'admin');
INSERT INTO public.securables VALUES ('baf27fef51224ba3820ae0b28fd5f9c0', 'FUNCTION', '36552e60a2624c7f9fc18c88c3a747d9', 'prod.sales.churn', 'a599415c017b4e4e99e27a0d87106e8d', 'who leaves', '{}', 1795471244807, 'admin', 1795471245024, 'admin');
INSERT INTO public.tokens VALUES ('53df6b8c515a4c4d9eec8e6b36a2a3c3', 'd039dd4cfa0220047723373020419bcc5f29342dd6d20f213c5b2b00e514b266', 'a599415c017b4e4e99e27a0d87106e8d', 'made by the first start', 1795471243760, '', NULL);
INSERT INTO public.tokens VALUES ('4b24aff46b1b42608de250450e6add94', 'fce6ca8f6099f76d2566a7851d753e9ce41a8f5f0040afe430ba1edf933ade3e', 'b6d8f8f457114eecaecd6d4ba38100cd', '', 1795471244337, 'admin', NULL);
INSERT INTO public.version_tags VALUES ('575552363a8a4e298ae96789756a0050', 'Stage', 'live');
INSERT INTO public.versions VALUES ('23a6e011894d41b9a493acc46825f263', '98efffbde0224a15aa2552d2cc2bf529', 1, 'READY', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', 'm-c05050c5720248bfbb58a3a7b3d13b4c', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244660, 'admin', 1795471244710, 'admin', 'ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO public.versions VALUES ('493ddb7b9b014384b175ed5efc4dbaf4', '98efffbde0224a15aa2552d2cc2bf529', 2, 'READY', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', 'm-5b054dcfede2413a9039b3e5cda5d50a', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244728, 'admin', 1795471244761, 'admin', 'ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO public.versions VALUES ('db5071f8d003425681007e5fd0d808b2', '98efffbde0224a15aa2552d2cc2bf529', 3, 'PENDING_REGISTRATION', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', '', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244774, 'admin', 1795471244774, 'admin', '');
INSERT INTO public.versions VALUES ('9713ae6ea30f4ff397aa61a0133bade0', 'baf27fef51224ba3820ae0b28fd5f9c0', 1, 'READY', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', 'm-a1c98360f3124d05944717f76f831b49', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244824, 'admin', 1795471244862, 'admin', 'ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO public.versions VALUES ('8f71c8a2e2244a9bb89c18112a6c9e65', 'baf27fef51224ba3820ae0b28fd5f9c0', 3, 'PENDING_REGISTRATION', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', '', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244937, 'admin', 1795471244937, 'admin', '');
INSERT INTO public.versions VALUES ('575552363a8a4e298ae96789756a0050', 'baf27fef51224ba3820ae0b28fd5f9c0', 2, 'READY', '', 'somewhere', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', '', '', 'm-2950b62d405b41d0896c6c5dd9b9ce04', '[]', 'a599415c017b4e4e99e27a0d87106e8d', 1795471244878, 'admin', 1795471245041, 'admin', 'ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
SELECT pg_catalog.setval('public.alias_moves_seq_seq', 4, true);
SELECT pg_catalog.setval('public.audit_seq_seq', 32, true);
SELECT pg_catalog.setval('public.events_seq_seq', 25, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
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
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT pk_installation PRIMARY KEY (id);
ALTER TABLE ONLY public.members
    ADD CONSTRAINT pk_members PRIMARY KEY (member_id, group_id);
ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (id);
ALTER TABLE ONLY public.principals
    ADD CONSTRAINT pk_principals PRIMARY KEY (id);
ALTER TABLE ONLY public.securable_tags
    ADD CONSTRAINT pk_securable_tags PRIMARY KEY (owner_id, key);
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT pk_securables PRIMARY KEY (id);
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
ALTER TABLE ONLY public.principals
    ADD CONSTRAINT uq_principals_folded UNIQUE (folded);
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT uq_securables_full_name UNIQUE (full_name);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT uq_tokens_secret_hash UNIQUE (secret_hash);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT uq_versions_model_id_number UNIQUE (model_id, number);
CREATE INDEX ix_alias_moves_model_id_alias_seq ON public.alias_moves USING btree (model_id, alias, seq);
CREATE INDEX ix_aliases_version_id ON public.aliases USING btree (version_id);
CREATE INDEX ix_audit_event_time ON public.audit USING btree (event_time);
CREATE INDEX ix_audit_request_id ON public.audit USING btree (request_id);
CREATE INDEX ix_entries_sha256 ON public.entries USING btree (sha256);
CREATE INDEX ix_entries_version_id_parent_path ON public.entries USING btree (version_id, parent, path);
CREATE INDEX ix_grants_principal_id_privilege_securable_id ON public.grants USING btree (principal_id, privilege, securable_id);
CREATE INDEX ix_members_group_id ON public.members USING btree (group_id);
CREATE INDEX ix_securables_owner_id ON public.securables USING btree (owner_id);
CREATE INDEX ix_securables_parent_id ON public.securables USING btree (parent_id);
CREATE INDEX ix_tokens_principal_id ON public.tokens USING btree (principal_id);
CREATE INDEX ix_uploads_version_id ON public.uploads USING btree (version_id);
CREATE INDEX ix_versions_run_id ON public.versions USING btree (run_id);
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
ALTER TABLE ONLY public.members
    ADD CONSTRAINT fk_members_group_id FOREIGN KEY (group_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.members
    ADD CONSTRAINT fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.models
    ADD CONSTRAINT fk_models_id FOREIGN KEY (id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.securable_tags
    ADD CONSTRAINT fk_securable_tags_owner_id FOREIGN KEY (owner_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT fk_securables_owner_id FOREIGN KEY (owner_id) REFERENCES public.principals(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.securables
    ADD CONSTRAINT fk_securables_parent_id FOREIGN KEY (parent_id) REFERENCES public.securables(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT fk_tokens_principal_id FOREIGN KEY (principal_id) REFERENCES public.principals(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT fk_uploads_version_id FOREIGN KEY (version_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT fk_version_tags_owner_id FOREIGN KEY (owner_id) REFERENCES public.versions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT fk_versions_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;
