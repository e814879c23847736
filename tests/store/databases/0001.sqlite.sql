-- A small database as the first release wrote it (migration 0001). Tokens: admin mypat_193ec799a23af8da4c0cdbc6e9906cca26ec4c304c9d80b3e2da4cbdc008ae7c, ada@example.com mypat_a7bd0ee5e6bafd09401407376064b4cbb6e4b43b5b911a20d3ccf2e56a66dc6a
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE alias_moves (
	seq INTEGER NOT NULL, 
	model_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	from_version BIGINT, 
	to_version BIGINT, 
	moved_at BIGINT NOT NULL, 
	moved_by TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	CONSTRAINT pk_alias_moves PRIMARY KEY (seq)
);
INSERT INTO "alias_moves" VALUES(1,'7c4c75407e594cfa920121729c0510f5','prod.sales.churn','Champion',NULL,1,1795471238470,'admin','253821397e07436fb0cdbcf8679a1610');
INSERT INTO "alias_moves" VALUES(2,'7c4c75407e594cfa920121729c0510f5','prod.sales.churn','Champion',1,2,1795471238493,'admin','95252ed8f4884a63b5efae05e7183788');
INSERT INTO "alias_moves" VALUES(3,'7c4c75407e594cfa920121729c0510f5','prod.sales.churn','Old',NULL,1,1795471238505,'admin','cf51d2bb6a194764af79db7e1e519cbf');
INSERT INTO "alias_moves" VALUES(4,'7c4c75407e594cfa920121729c0510f5','prod.sales.churn','old',1,NULL,1795471238519,'admin','9fecac57cee14c3c805a1341087df24b');
CREATE TABLE aliases (
	model_id TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version_id TEXT NOT NULL, 
	CONSTRAINT pk_aliases PRIMARY KEY (model_id, folded), 
	CONSTRAINT fk_aliases_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE CASCADE, 
	CONSTRAINT fk_aliases_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE
);
INSERT INTO "aliases" VALUES('7c4c75407e594cfa920121729c0510f5','champion','Champion','2bc2a8979d7d472eb491b099ee96520e');
CREATE TABLE audit (
	seq INTEGER NOT NULL, 
	event_id TEXT NOT NULL, 
	event_time BIGINT NOT NULL, 
	request_id TEXT NOT NULL, 
	service_name TEXT NOT NULL, 
	action_name TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	token_id TEXT NOT NULL, 
	source_ip_address TEXT NOT NULL, 
	user_agent TEXT NOT NULL, 
	request_params TEXT NOT NULL, 
	result TEXT NOT NULL, 
	error TEXT NOT NULL, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (seq), 
	CONSTRAINT uq_audit_event_id UNIQUE (event_id)
);
INSERT INTO "audit" VALUES(1,'27208cb19f194fe6a780ec037a8b7ceb',1795471237349,'3014f1a516154a26829a44ef31efe779','modelyard','createCatalog','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"name":"prod","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''');
INSERT INTO "audit" VALUES(2,'55a06849d59b42a78c6fbe87061da241',1795471237396,'e0d3260d23844575b69699962cc220fb','modelyard','createCatalog','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"name":"dev","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''');
INSERT INTO "audit" VALUES(3,'d952675d81e84ea7b8834723e7407422',1795471237434,'07225b0f2a8e44cd86d9c775ef6975b1','modelyard','createSchema','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"catalog":{"kind":"CATALOG","name":"dev"},"name":"sales","comment":"","properties":{}}','done','','owns Catalog ''dev''');
INSERT INTO "audit" VALUES(4,'016cd4b05f6742df9f900f138248b83b',1795471237457,'940178477ed7486998f6fc414f3585ed','modelyard','createSchema','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"catalog":{"kind":"CATALOG","name":"prod"},"name":"sales","comment":"","properties":{}}','done','','owns Catalog ''prod''');
INSERT INTO "audit" VALUES(5,'3071301983574b0b8e6698e6b26f531e',1795471237722,'a6cb4bb9e8ea4cb3bc38fe0c4c887345','modelyard','createPrincipal','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"kind":"user","name":"ada@example.com","display_name":"","members":[],"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''');
INSERT INTO "audit" VALUES(6,'9d6027ebda194f019b654e6e3d4cc5e6',1795471237746,'59e1c4d3acab41d3b31e2d54f22fa3b8','modelyard','createTokenFor','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"principal":"ada@example.com","comment":"","seconds":null,"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''');
INSERT INTO "audit" VALUES(7,'8cfc10eac0bf4a4fb7adc947eb6d1ebf',1795471237945,'ce9b84f4c6734335b6c0103fc67dbc06','modelyard','createPrincipal','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"kind":"group","name":"readers","display_name":"readers","members":["449d5dbc74794c0f8748a044917c4a0f"],"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''');
INSERT INTO "audit" VALUES(8,'88f294f7b5a042808e8f3109c0f0eb37',1795471238107,'874985e3fb57421c8185495c1400976b','modelyard','changeGrants','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"securable":{"kind":"CATALOG","name":"prod"},"changes":[{"principal":"readers","add":["EXECUTE","USE_SCHEMA","USE_CATALOG"],"remove":[]}]}','done','','owns Catalog ''prod''');
INSERT INTO "audit" VALUES(9,'1275669b71d6482ea52cbb75b93891b9',1795471238190,'a4686faf7ee84d03b6ce4643aaf0981d','modelyard','createModel','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"schema":{"kind":"SCHEMA","name":"dev.sales"},"name":"churn","comment":"who leaves","tags":[{"key":"team","value":"sales"}],"deployment_job_id":""}','done','','owns Schema ''dev.sales''');
INSERT INTO "audit" VALUES(10,'4a23674aba864d17a7a53f34b84ac360',1795471238198,'759ebae2ffcf4bc99e84ca99a0b98760','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(11,'32ed4b14252448dd89fa5934ccc9686d',1795471238229,'082803998adb41febcc905c85481522f','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":1,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(12,'02863a3eb57a4b46b6902c65a1742d55',1795471238245,'7cadf2674e7847d78f6f035a047df0b8','modelyard','finalizeVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":1}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(13,'e174d09dc5504a1b9cc6df368caaeb9d',1795471238257,'f9366da64bbf4b969e23a4eb26b6fc2c','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(14,'c22114930da449b1bc69324b27c57e48',1795471238276,'af801a8ed8e54d1bbca83cb3a13d84cd','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":2,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(15,'df7b9b071a1341dbb079cfc1801591d9',1795471238295,'43fafe6fa87f4e3d93b0a49d6f2cadb3','modelyard','finalizeVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":2}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(16,'d64e628c462c48c9befea2efff461bd6',1795471238307,'b08e1428415e45d4b2943aa8a8d24802','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(17,'fc03da2816f34502af2a861299795675',1795471238312,'95aa55c074db43adbbb58cdca316e850','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"dev.sales.churn"},"number":3,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''dev.sales.churn''');
INSERT INTO "audit" VALUES(18,'52857e1ef86f42ea98f59198912093ff',1795471238320,'03c032bf39b74ca999f20d8d7e5f1e32','modelyard','createModel','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"churn","comment":"who leaves","tags":[{"key":"team","value":"sales"}],"deployment_job_id":""}','done','','owns Schema ''prod.sales''');
INSERT INTO "audit" VALUES(19,'6000c0ec42d542e5962ea460c86b7bc1',1795471238331,'01e394bb6f5241e382bc98f1a48acf5e','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(20,'02600a76fc074dbca6989355fc861b18',1795471238351,'c13e0b80c4bc44cca49bc9176a8a972c','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(21,'60d8962ce3044477a3cf02d2509d7bfc',1795471238362,'be0cffaacc04428d9455365bf30875d9','modelyard','finalizeVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(22,'20a95726f9e34ea998cc2196be90457a',1795471238374,'40b6a5aff73a48e5b87b046769f9be5b','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(23,'f375b10d2dde4186b17823542ee5b24c',1795471238403,'1ddcafd58b984b2a875b1530ad7951c9','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(24,'0a2823c18c3d4f9c8af153bccf99338a',1795471238416,'772de650046848d3ace6af32a52d2794','modelyard','finalizeVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(25,'914a33b1ebd74f1f8e68545b818f0e3c',1795471238433,'16129bc8ae974fb1b64b062a985551d2','modelyard','registerVersion','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[]}}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(26,'877b72ba1eb2417ba5e4262b3adee9ae',1795471238458,'0a2bc5ed62b74e5d98f9f27a9807c283','modelyard','keepFile','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"MLmodel","sha256":"7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f","size":12,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(27,'8510c7fccaae4f6ba3b64506e471fafb',1795471238472,'253821397e07436fb0cdbcf8679a1610','modelyard','setAlias','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":1,"expected_version":null}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(28,'c3704cba6a554b73919e61ea59bc5c60',1795471238494,'95252ed8f4884a63b5efae05e7183788','modelyard','setAlias','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":2,"expected_version":null}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(29,'1d25ba2626fc486696c05ed021452c60',1795471238505,'cf51d2bb6a194764af79db7e1e519cbf','modelyard','setAlias','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Old","version":1,"expected_version":null}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(30,'d45dcc07030d428985315968d0b47ca9',1795471238519,'9fecac57cee14c3c805a1341087df24b','modelyard','deleteAlias','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"old"}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(31,'0ba18972aefb410cae5968a06073da9b',1795471238543,'4d242a4b809c494a892828220cfea401','modelyard','setVersionTag','admin','ae8775b3a0354fcabd997812d3ebcec7','9b96927dbc774bb4a6c94fce2acca938','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"tag":{"key":"Stage","value":"live"}}','done','','owns Routine or Model ''prod.sales.churn''');
INSERT INTO "audit" VALUES(32,'869468386f7c4d6a8ce5aaed6d405614',1795471238738,'b6b2e4e8b78048b5bbe8481f96b1184b','modelyard','createModel','ada@example.com','449d5dbc74794c0f8748a044917c4a0f','eb1958f618ca4524a5af5bd64c84f6ea','127.0.0.1','python-httpx/0.28.1','{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"other","comment":"","tags":[],"deployment_job_id":""}','refused','Denied','User does not have CREATE MODEL on Schema ''prod.sales''.');
CREATE TABLE entries (
	version_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	parent TEXT NOT NULL, 
	is_directory INTEGER NOT NULL, 
	size BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	modified_at BIGINT NOT NULL, 
	CONSTRAINT pk_entries PRIMARY KEY (version_id, path), 
	CONSTRAINT fk_entries_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE
);
INSERT INTO "entries" VALUES('f2d585d6bfbd4b1f9f21db276ffb133c','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238227);
INSERT INTO "entries" VALUES('8f718fa774244fb7bc91be370d84866c','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238276);
INSERT INTO "entries" VALUES('01b11c91c48b4632a9e0a3cce09972cb','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238312);
INSERT INTO "entries" VALUES('9504b0bf026e4aaaae46567c740b041d','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238351);
INSERT INTO "entries" VALUES('2bc2a8979d7d472eb491b099ee96520e','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238403);
INSERT INTO "entries" VALUES('2b472b9b206041d2af79441b42746e17','MLmodel','',0,12,'7f8f4a879eefb3f9fed9c6af4077c9acb0db066b2906d6570c42913478686b0f',1795471238458);
CREATE TABLE events (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	happened_at BIGINT NOT NULL, 
	request_id TEXT NOT NULL, 
	securable TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (seq), 
	CONSTRAINT uq_events_id UNIQUE (id)
);
INSERT INTO "events" VALUES(1,'244fa149764a4ef594e4bea82f843422','catalog.created',1795471237347,'3014f1a516154a26829a44ef31efe779','prod','{"by": "admin"}');
INSERT INTO "events" VALUES(2,'c1abb763d07f48eead8ecc12219e6369','catalog.created',1795471237396,'e0d3260d23844575b69699962cc220fb','dev','{"by": "admin"}');
INSERT INTO "events" VALUES(3,'9102bac21f51431bb78d13a5c6483031','schema.created',1795471237434,'07225b0f2a8e44cd86d9c775ef6975b1','dev.sales','{"by": "admin"}');
INSERT INTO "events" VALUES(4,'c715facf3a4843f9910053bb09370517','schema.created',1795471237456,'940178477ed7486998f6fc414f3585ed','prod.sales','{"by": "admin"}');
INSERT INTO "events" VALUES(5,'07f197d0952e49c5985aef5df2ce8206','principal.created',1795471237708,'a6cb4bb9e8ea4cb3bc38fe0c4c887345','','{"principal": "ada@example.com", "kind": "user", "by": "admin"}');
INSERT INTO "events" VALUES(6,'f5e9477314b443c19d1fc9dee8b2d619','token.created',1795471237746,'59e1c4d3acab41d3b31e2d54f22fa3b8','','{"principal": "ada@example.com", "token_id": "eb1958f618ca4524a5af5bd64c84f6ea", "by": "admin"}');
INSERT INTO "events" VALUES(7,'3a1f270dd0054076873a574a5e6413c7','principal.created',1795471237943,'ce9b84f4c6734335b6c0103fc67dbc06','','{"principal": "readers", "kind": "group", "by": "admin"}');
INSERT INTO "events" VALUES(8,'453a074afa6c44c191f3fc29e057db4c','grants.changed',1795471238105,'874985e3fb57421c8185495c1400976b','prod','{"principal": "readers", "add": ["EXECUTE", "USE_CATALOG", "USE_SCHEMA"], "remove": [], "by": "admin"}');
INSERT INTO "events" VALUES(9,'376aa2527de64a119a04516c431fa696','registered_model.created',1795471238186,'a4686faf7ee84d03b6ce4643aaf0981d','dev.sales.churn','{"by": "admin"}');
INSERT INTO "events" VALUES(10,'92897a07ec8f423ea25491e91eacfc3f','model_version.created',1795471238196,'759ebae2ffcf4bc99e84ca99a0b98760','dev.sales.churn','{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(11,'99fbc19b61744d089c99cd1e0504683b','model_version.ready',1795471238241,'7cadf2674e7847d78f6f035a047df0b8','dev.sales.churn','{"version": 1, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO "events" VALUES(12,'70a8876f93b947d19ef798782b9eb4c8','model_version.created',1795471238257,'f9366da64bbf4b969e23a4eb26b6fc2c','dev.sales.churn','{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(13,'8013ac96143d44bcb0d0c3adc9d49b52','model_version.ready',1795471238295,'43fafe6fa87f4e3d93b0a49d6f2cadb3','dev.sales.churn','{"version": 2, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO "events" VALUES(14,'b98b748088044ae2be1ee5b23dbbc634','model_version.created',1795471238306,'b08e1428415e45d4b2943aa8a8d24802','dev.sales.churn','{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(15,'c279d2ba716b470e8ebf7d7e27b37c99','registered_model.created',1795471238319,'03c032bf39b74ca999f20d8d7e5f1e32','prod.sales.churn','{"by": "admin"}');
INSERT INTO "events" VALUES(16,'98552215a1c2480db7a19e2b1e389f8f','model_version.created',1795471238331,'01e394bb6f5241e382bc98f1a48acf5e','prod.sales.churn','{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(17,'f774df5bdd94490aa3bc6dbfe0e416bb','model_version.ready',1795471238362,'be0cffaacc04428d9455365bf30875d9','prod.sales.churn','{"version": 1, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO "events" VALUES(18,'6b6b2fd4bfb44fb5a6bf27fb71501ed1','model_version.created',1795471238374,'40b6a5aff73a48e5b87b046769f9be5b','prod.sales.churn','{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(19,'89eff347e19f4172b48d27fc9a323bab','model_version.ready',1795471238416,'772de650046848d3ace6af32a52d2794','prod.sales.churn','{"version": 2, "digest": "ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0", "by": "admin"}');
INSERT INTO "events" VALUES(20,'c1c656b434a847aba2126552b7dad505','model_version.created',1795471238432,'16129bc8ae974fb1b64b062a985551d2','prod.sales.churn','{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO "events" VALUES(21,'678f245bbb224c378aac5485df55c33b','alias.set',1795471238470,'253821397e07436fb0cdbcf8679a1610','prod.sales.churn','{"alias": "Champion", "version": 1, "was": null, "by": "admin"}');
INSERT INTO "events" VALUES(22,'a7f27bb85d96439db7a0efd71976d45b','alias.set',1795471238493,'95252ed8f4884a63b5efae05e7183788','prod.sales.churn','{"alias": "Champion", "version": 2, "was": 1, "by": "admin"}');
INSERT INTO "events" VALUES(23,'01ec0a852ffc48b1bb9aa1d83e2a4e99','alias.set',1795471238505,'cf51d2bb6a194764af79db7e1e519cbf','prod.sales.churn','{"alias": "Old", "version": 1, "was": null, "by": "admin"}');
INSERT INTO "events" VALUES(24,'a54e8c9e564f4a1abfc3875c252670d6','alias.deleted',1795471238519,'9fecac57cee14c3c805a1341087df24b','prod.sales.churn','{"alias": "old", "was": 1, "by": "admin"}');
INSERT INTO "events" VALUES(25,'cda329e109624c0399f4c73e22a1bd36','tag.set',1795471238536,'4d242a4b809c494a892828220cfea401','prod.sales.churn','{"version": 2, "key": "Stage", "value": "live", "by": "admin"}');
CREATE TABLE grants (
	securable_id TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	privilege TEXT NOT NULL, 
	CONSTRAINT pk_grants PRIMARY KEY (securable_id, principal_id, privilege), 
	CONSTRAINT fk_grants_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT fk_grants_securable_id FOREIGN KEY(securable_id) REFERENCES securables (id) ON DELETE CASCADE
);
INSERT INTO "grants" VALUES('81f6769ae1fe488696c451f5330d3ccb','0868286abfab4823b04557d5c22a1e2c','EXECUTE');
INSERT INTO "grants" VALUES('81f6769ae1fe488696c451f5330d3ccb','0868286abfab4823b04557d5c22a1e2c','USE_CATALOG');
INSERT INTO "grants" VALUES('81f6769ae1fe488696c451f5330d3ccb','0868286abfab4823b04557d5c22a1e2c','USE_SCHEMA');
CREATE TABLE installation (
	id TEXT NOT NULL, 
	workspace_id BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_installation PRIMARY KEY (id)
);
INSERT INTO "installation" VALUES('a62704f27d414b6eaf03e9d22f7c3109',1616826371320026,1795471236548);
CREATE TABLE members (
	member_id TEXT NOT NULL, 
	group_id TEXT NOT NULL, 
	CONSTRAINT pk_members PRIMARY KEY (member_id, group_id), 
	CONSTRAINT fk_members_group_id FOREIGN KEY(group_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT fk_members_member_id FOREIGN KEY(member_id) REFERENCES principals (id) ON DELETE CASCADE
);
INSERT INTO "members" VALUES('ae8775b3a0354fcabd997812d3ebcec7','admins');
INSERT INTO "members" VALUES('449d5dbc74794c0f8748a044917c4a0f','0868286abfab4823b04557d5c22a1e2c');
CREATE TABLE models (
	id TEXT NOT NULL, 
	last_version BIGINT NOT NULL, 
	deployment_job_id TEXT NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (id), 
	CONSTRAINT fk_models_id FOREIGN KEY(id) REFERENCES securables (id) ON DELETE CASCADE
);
INSERT INTO "models" VALUES('b916f869b3ad49bcacbd70c588c37b03',3,'');
INSERT INTO "models" VALUES('7c4c75407e594cfa920121729c0510f5',3,'');
CREATE TABLE principals (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	display_name TEXT NOT NULL, 
	active INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_principals PRIMARY KEY (id), 
	CONSTRAINT uq_principals_folded UNIQUE (folded)
);
INSERT INTO "principals" VALUES('admins','group','admins','admins','admins',1,1795471236548);
INSERT INTO "principals" VALUES('account users','group','account users','account users','account users',1,1795471236548);
INSERT INTO "principals" VALUES('ae8775b3a0354fcabd997812d3ebcec7','user','admin','admin','admin',1,1795471236548);
INSERT INTO "principals" VALUES('449d5dbc74794c0f8748a044917c4a0f','user','ada@example.com','ada@example.com','ada@example.com',1,1795471237708);
INSERT INTO "principals" VALUES('0868286abfab4823b04557d5c22a1e2c','group','readers','readers','readers',1,1795471237943);
CREATE TABLE securable_tags (
	owner_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_securable_tags PRIMARY KEY (owner_id, "key"), 
	CONSTRAINT fk_securable_tags_owner_id FOREIGN KEY(owner_id) REFERENCES securables (id) ON DELETE CASCADE
);
INSERT INTO "securable_tags" VALUES('b916f869b3ad49bcacbd70c588c37b03','team','sales');
INSERT INTO "securable_tags" VALUES('7c4c75407e594cfa920121729c0510f5','team','sales');
CREATE TABLE securables (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	parent_id TEXT, 
	full_name TEXT NOT NULL, 
	owner_id TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	properties TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by TEXT NOT NULL, 
	CONSTRAINT pk_securables PRIMARY KEY (id), 
	CONSTRAINT fk_securables_owner_id FOREIGN KEY(owner_id) REFERENCES principals (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_securables_parent_id FOREIGN KEY(parent_id) REFERENCES securables (id) ON DELETE CASCADE, 
	CONSTRAINT uq_securables_full_name UNIQUE (full_name)
);
INSERT INTO "securables" VALUES('a62704f27d414b6eaf03e9d22f7c3109','METASTORE',NULL,'','admins','','{}',1795471236548,'admin',1795471236548,'admin');
INSERT INTO "securables" VALUES('81f6769ae1fe488696c451f5330d3ccb','CATALOG','a62704f27d414b6eaf03e9d22f7c3109','prod','ae8775b3a0354fcabd997812d3ebcec7','','{}',1795471237347,'admin',1795471237347,'admin');
INSERT INTO "securables" VALUES('89d93b028d744a6b955afcfd7bcf4911','CATALOG','a62704f27d414b6eaf03e9d22f7c3109','dev','ae8775b3a0354fcabd997812d3ebcec7','','{}',1795471237396,'admin',1795471237396,'admin');
INSERT INTO "securables" VALUES('97a7c2e0c904434498cafda1a2714423','SCHEMA','89d93b028d744a6b955afcfd7bcf4911','dev.sales','ae8775b3a0354fcabd997812d3ebcec7','','{}',1795471237434,'admin',1795471237434,'admin');
INSERT INTO "securables" VALUES('f20f48e37c264468a7221c0e340a5531','SCHEMA','81f6769ae1fe488696c451f5330d3ccb','prod.sales','ae8775b3a0354fcabd997812d3ebcec7','','{}',1795471237456,'admin',1795471237456,'admin');
INSERT INTO "securables" VALUES('b916f869b3ad49bcacbd70c588c37b03','FUNCTION','97a7c2e0c904434498cafda1a2714423','dev.sales.churn','ae8775b3a0354fcabd997812d3ebcec7','who leaves','{}',1795471238186,'admin',1795471238186,'admin');
INSERT INTO "securables" VALUES('7c4c75407e594cfa920121729c0510f5','FUNCTION','f20f48e37c264468a7221c0e340a5531','prod.sales.churn','ae8775b3a0354fcabd997812d3ebcec7','who leaves','{}',1795471238319,'admin',1795471238519,'admin');
CREATE TABLE tokens (
	id TEXT NOT NULL, 
	secret_hash TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	expires_at BIGINT, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_tokens_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT uq_tokens_secret_hash UNIQUE (secret_hash)
);
INSERT INTO "tokens" VALUES('9b96927dbc774bb4a6c94fce2acca938','6d1faa4605fa2b0df6a901a89a0b5d6ba11e8a587a7dc75e3dab2c03ece9c846','ae8775b3a0354fcabd997812d3ebcec7','made by the first start',1795471236548,'',NULL);
INSERT INTO "tokens" VALUES('eb1958f618ca4524a5af5bd64c84f6ea','67b321246ae44f32a96c494a35864dcb3ab0604db534128c29ae9bdecbe37845','449d5dbc74794c0f8748a044917c4a0f','',1795471237746,'admin',NULL);
CREATE TABLE uploads (
	id TEXT NOT NULL, 
	version_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	overwrite INTEGER NOT NULL, 
	principal_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT fk_uploads_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE
);
CREATE TABLE version_tags (
	owner_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_version_tags PRIMARY KEY (owner_id, "key"), 
	CONSTRAINT fk_version_tags_owner_id FOREIGN KEY(owner_id) REFERENCES versions (id) ON DELETE CASCADE
);
INSERT INTO "version_tags" VALUES('2bc2a8979d7d472eb491b099ee96520e','Stage','live');
CREATE TABLE versions (
	id TEXT NOT NULL, 
	model_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	status_message TEXT NOT NULL, 
	source TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	run_tracking_server_id TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	logged_model_id TEXT NOT NULL, 
	dependencies TEXT NOT NULL, 
	creator_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	CONSTRAINT pk_versions PRIMARY KEY (id), 
	CONSTRAINT fk_versions_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE CASCADE, 
	CONSTRAINT uq_versions_model_id_number UNIQUE (model_id, number)
);
INSERT INTO "versions" VALUES('f2d585d6bfbd4b1f9f21db276ffb133c','b916f869b3ad49bcacbd70c588c37b03',1,'READY','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','m-a1cd421bc67d40ed9bb6422980278623','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238196,'admin',1795471238241,'admin','ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO "versions" VALUES('8f718fa774244fb7bc91be370d84866c','b916f869b3ad49bcacbd70c588c37b03',2,'READY','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','m-49d341449a95442caa25d6d348d1825d','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238257,'admin',1795471238295,'admin','ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO "versions" VALUES('01b11c91c48b4632a9e0a3cce09972cb','b916f869b3ad49bcacbd70c588c37b03',3,'PENDING_REGISTRATION','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238306,'admin',1795471238306,'admin','');
INSERT INTO "versions" VALUES('9504b0bf026e4aaaae46567c740b041d','7c4c75407e594cfa920121729c0510f5',1,'READY','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','m-8888a2b2c2744c149e1bc9f4644f1965','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238331,'admin',1795471238362,'admin','ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO "versions" VALUES('2bc2a8979d7d472eb491b099ee96520e','7c4c75407e594cfa920121729c0510f5',2,'READY','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','m-1f88f21ec6dd4e39bc99c65a38e6ac5b','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238374,'admin',1795471238536,'admin','ed5ff00ab625d7c611c070ed4ff10a8323bc7356ec2422896238f0941886adc0');
INSERT INTO "versions" VALUES('2b472b9b206041d2af79441b42746e17','7c4c75407e594cfa920121729c0510f5',3,'PENDING_REGISTRATION','','somewhere','rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr','','','','[]','ae8775b3a0354fcabd997812d3ebcec7',1795471238432,'admin',1795471238432,'admin','');
CREATE INDEX ix_alias_moves_model_id_alias_seq ON alias_moves (model_id, alias, seq);
CREATE INDEX ix_audit_event_time ON audit (event_time);
CREATE INDEX ix_audit_request_id ON audit (request_id);
CREATE INDEX ix_members_group_id ON members (group_id);
CREATE INDEX ix_securables_owner_id ON securables (owner_id);
CREATE INDEX ix_securables_parent_id ON securables (parent_id);
CREATE INDEX ix_tokens_principal_id ON tokens (principal_id);
CREATE INDEX ix_grants_principal_id_privilege_securable_id ON grants (principal_id, privilege, securable_id);
CREATE INDEX ix_versions_run_id ON versions (run_id);
CREATE INDEX ix_aliases_version_id ON aliases (version_id);
CREATE INDEX ix_entries_sha256 ON entries (sha256);
CREATE INDEX ix_entries_version_id_parent_path ON entries (version_id, parent, path);
CREATE INDEX ix_uploads_version_id ON uploads (version_id);
COMMIT;
