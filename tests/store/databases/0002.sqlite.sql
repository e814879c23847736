-- A small database as the second release wrote it (migration 0002). Tokens: admin mypat_9b957dcd5167fea95a7272d021d69361e03e929e655a9fe1355ce322e4a62473, ada@example.com mypat_4cf4939363f80c4ee2ac8c16c0dead302753971fc3250c87df9c2f80791ef014
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0002');
CREATE TABLE alias_moves (
	seq INTEGER NOT NULL, 
	model_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	from_version BIGINT, 
	to_version BIGINT, 
	moved_at BIGINT NOT NULL, 
	moved_by TEXT NOT NULL, 
	request_id TEXT NOT NULL, folded TEXT DEFAULT '' NOT NULL, reason TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_alias_moves PRIMARY KEY (seq)
);
INSERT INTO alias_moves VALUES(1,'31e5512ac0ff45089d06244a1e66d6f7','prod.sales.churn','Champion',NULL,1,1795491029550,'admin','7c161b93ad3146939f92c2b0faac6829','champion','');
INSERT INTO alias_moves VALUES(2,'31e5512ac0ff45089d06244a1e66d6f7','prod.sales.churn','Old',NULL,1,1795491029556,'admin','62339280193b48a19645bee3d79c0f8c','old','');
INSERT INTO alias_moves VALUES(3,'31e5512ac0ff45089d06244a1e66d6f7','prod.sales.churn','champion',1,2,1795491029559,'admin','9067003098774d03b00f128ff12a924d','champion','');
INSERT INTO alias_moves VALUES(4,'31e5512ac0ff45089d06244a1e66d6f7','prod.sales.churn','old',1,NULL,1795491029562,'admin','1c6950a7508c43118abf95cf061f03a0','old','');
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
	message TEXT NOT NULL, securable TEXT DEFAULT '' NOT NULL, seal BIGINT, 
	CONSTRAINT pk_audit PRIMARY KEY (seq), 
	CONSTRAINT uq_audit_event_id UNIQUE (event_id)
);
INSERT INTO audit VALUES(1,'1f2bf9da39564aa0859e805684f1cb4a',1795491029405,'a76a2cdada38417f9def6be0df95f3ee','modelyard','createCatalog','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"name":"dev","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''','dev',NULL);
INSERT INTO audit VALUES(2,'ac77a4b349be4dd1bbfcd9facd3b9027',1795491029409,'72a7cbdbffae445a95f714a8c1c33932','modelyard','createCatalog','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"name":"prod","comment":"","properties":{},"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''','prod',NULL);
INSERT INTO audit VALUES(3,'802bd9e08a0e46b0b4e251b50f9195be',1795491029412,'7c80322c46064b2c888bcf59e83ebb98','modelyard','createSchema','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"catalog":{"kind":"CATALOG","name":"dev"},"name":"sales","comment":"","properties":{}}','done','','owns Catalog ''dev''','dev.sales',NULL);
INSERT INTO audit VALUES(4,'3d1000673d70476396514c2e077fcb7d',1795491029414,'e0184ef7a36a469aad39f5797a0a2267','modelyard','createSchema','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"catalog":{"kind":"CATALOG","name":"prod"},"name":"sales","comment":"","properties":{}}','done','','owns Catalog ''prod''','prod.sales',NULL);
INSERT INTO audit VALUES(5,'c6ddb506431b4279b3be7602c028ddd5',1795491029441,'2f6a86a1f6a543c09008cf61122f83fd','modelyard','createPrincipal','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"kind":"user","name":"ada@example.com","display_name":"","members":[],"profile":{"external_id":"","given_name":"","family_name":"","emails":[],"roles":[],"entitlements":[]},"active":true,"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''','',NULL);
INSERT INTO audit VALUES(6,'8a3afefa9cd64b2cbfe3118d509d456c',1795491029444,'740ae2cae86e4ec6a23c70bf3ad6cd33','modelyard','createTokenFor','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"principal":"ada@example.com","comment":"","seconds":null,"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''','',NULL);
INSERT INTO audit VALUES(7,'f0ab86da856147b9a0a262983c788369',1795491029471,'933ea23fb6364051b332c228d85b0c94','modelyard','changeGrants','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"securable":{"kind":"CATALOG","name":"prod"},"changes":[{"principal":"ada@example.com","add":["USE_SCHEMA","EXECUTE","USE_CATALOG"],"remove":[]}],"silent":false}','done','','owns Catalog ''prod''','prod',NULL);
INSERT INTO audit VALUES(8,'748b796c0de84240823e2704ce38e868',1795491029498,'b544e2a7c45048dbb8e927481907b4f3','modelyard','createModel','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"schema":{"kind":"SCHEMA","name":"dev.sales"},"name":"churn","comment":"","tags":[],"deployment_job_id":""}','done','','owns Schema ''dev.sales''','dev.sales.churn',NULL);
INSERT INTO audit VALUES(9,'e6eca2ebf21f4666be5b971f2ba7ee72',1795491029501,'cae528029823446fac6ee8f72470eed2','modelyard','createModel','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"schema":{"kind":"SCHEMA","name":"prod.sales"},"name":"churn","comment":"","tags":[],"deployment_job_id":""}','done','','owns Schema ''prod.sales''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(10,'83e4229b1d7f48c3ad3dc57b1b09c0f7',1795491029504,'a588f03d6f1442e988713ecf161dbaf6','modelyard','registerVersion','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(11,'99d135ca23b84db9ae4f14a1954947fd',1795491029512,'38ce93dcc7c24d818b005462b6b44036','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"MLmodel","sha256":"2000e52c4ae79fcd053f052c3e50632ac21e9400e6d9634055790cbf3da949fc","size":45,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(12,'467d39fe3990410cb4ec15c010cd27bc',1795491029516,'8d1d220d32a449319f596bf21ade1e39','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(13,'826ce76cd5f249b1a244aca1b45dc785',1795491029521,'d1cc127a4ab243549a6c0646f78ce31e','modelyard','finalizeVersion','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":1}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(14,'0ca20635cbd640508998ea756236bb1c',1795491029525,'0db94c7bcdf54ce1a4c66263e50076c9','modelyard','registerVersion','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(15,'5300f5b996774391b2c41614e1574936',1795491029529,'33246231b8d448dc9ff67ca82207ac6c','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"MLmodel","sha256":"1ca53c792658279dd1dabe3d25435dda49f641ef566193f1ac9be82aee22036f","size":45,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(16,'638d372dcea649fc919295421b37dfb4',1795491029533,'c6b050072db7426aa89cbb9edcbb165b','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(17,'e6a19f44f7334005bb977ea9e6e9dd42',1795491029535,'de24e27e4eca4fbb969e14edb90678a0','modelyard','finalizeVersion','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(18,'c08a91dc031b4260bdb02467ac665009',1795491029538,'a81f5facd8134b2ebca620446dcf9118','modelyard','registerVersion','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"told":{"source":"somewhere","run_id":"","run_tracking_server_id":"","comment":"","model_id":"","tags":[],"dependencies":[],"sources":[]}}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(19,'2e1300278f89401d8b10c19abff0c625',1795491029543,'3d3e7af7bb324f3a965dba045497b55a','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"MLmodel","sha256":"da33d61012de0518ddaeb8d99c2f1ceb334d1d6d315ec5ce6576158c3a5b1bc9","size":45,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(20,'40d6287c0fc7490c8feca962f74521d8',1795491029548,'891772fa939344f3ab941801970d3b50','modelyard','keepFile','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":3,"path":"data/weights.bin","sha256":"294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511","size":25,"overwrite":false}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(21,'568465e6520d45c58cbc7e128a8ecb3c',1795491029553,'7c161b93ad3146939f92c2b0faac6829','modelyard','setAlias','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Champion","version":1,"expected_version":null,"reason":""}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(22,'d12957c41cb745728be80e0b131e4026',1795491029556,'62339280193b48a19645bee3d79c0f8c','modelyard','setAlias','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"Old","version":1,"expected_version":null,"reason":""}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(23,'bf25bd68282c472db0e00c126ed24c49',1795491029560,'9067003098774d03b00f128ff12a924d','modelyard','setAlias','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"champion","version":2,"expected_version":null,"reason":""}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(24,'25e76d20f4bd445893502a6f71b7a45c',1795491029562,'1c6950a7508c43118abf95cf061f03a0','modelyard','deleteAlias','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"alias":"old","expected_version":null,"reason":""}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(25,'e21c5beed6074055b739acdf78251ec2',1795491029566,'8d5066bb71fe4e669bdbf8798fff7fec','modelyard','setVersionTag','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"model":{"kind":"FUNCTION","name":"prod.sales.churn"},"number":2,"tag":{"key":"Stage","value":"live"}}','done','','owns Routine or Model ''prod.sales.churn''','prod.sales.churn',NULL);
INSERT INTO audit VALUES(26,'8f0dbd08adfc447ca278bdadb1cf55e3',1795491029569,'1a1dbf26803743539bb9f4177aefcf53','modelyard','createPrincipal','admin','ebd5a1ce95b64968b165178a18f1d5d2','24ee16b6dd2d41f48e8e6e353af5b80d','127.0.0.1','python-httpx/0.28.1','{"kind":"group","name":"scientists","display_name":"scientists","members":[],"profile":{"external_id":"","given_name":"","family_name":"","emails":[],"roles":[],"entitlements":[]},"active":true,"metastore":{"kind":"METASTORE","name":""}}','done','','owns Metastore ''''','',NULL);
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
INSERT INTO events VALUES(1,'e1f9c3bf565642ba90ba020ea32bb557','catalog.created',1795491029404,'a76a2cdada38417f9def6be0df95f3ee','dev','{"by": "admin"}');
INSERT INTO events VALUES(2,'8f8acac4cc2a472abd79d7662c8cb9d4','catalog.created',1795491029409,'72a7cbdbffae445a95f714a8c1c33932','prod','{"by": "admin"}');
INSERT INTO events VALUES(3,'d7777339fb15480192f2a863938cce6d','schema.created',1795491029412,'7c80322c46064b2c888bcf59e83ebb98','dev.sales','{"by": "admin"}');
INSERT INTO events VALUES(4,'5e6a675abeb84ff3ad83c49fc55335cc','schema.created',1795491029414,'e0184ef7a36a469aad39f5797a0a2267','prod.sales','{"by": "admin"}');
INSERT INTO events VALUES(5,'71d207d0e41d45d687f8325a7ff3c21f','principal.created',1795491029439,'2f6a86a1f6a543c09008cf61122f83fd','','{"principal": "ada@example.com", "kind": "user", "by": "admin"}');
INSERT INTO events VALUES(6,'fa6fa6bad2fc472aa0de1e932fe65dbc','token.created',1795491029444,'740ae2cae86e4ec6a23c70bf3ad6cd33','','{"principal": "ada@example.com", "token_id": "0b4421bf04e146358e93a73436d8909d", "by": "admin"}');
INSERT INTO events VALUES(7,'9eea5ed16e4744b986fb9aff716e8897','grants.changed',1795491029469,'933ea23fb6364051b332c228d85b0c94','prod','{"principal": "ada@example.com", "add": ["EXECUTE", "USE_CATALOG", "USE_SCHEMA"], "remove": [], "by": "admin"}');
INSERT INTO events VALUES(8,'aff705d8c6ed43ca990be944edf4121c','registered_model.created',1795491029496,'b544e2a7c45048dbb8e927481907b4f3','dev.sales.churn','{"by": "admin"}');
INSERT INTO events VALUES(9,'4118de4f6b3345659b5b13603a10ede6','registered_model.created',1795491029500,'cae528029823446fac6ee8f72470eed2','prod.sales.churn','{"by": "admin"}');
INSERT INTO events VALUES(10,'68fc102ed3a648968d24e7338d5ac9a6','model_version.created',1795491029503,'a588f03d6f1442e988713ecf161dbaf6','prod.sales.churn','{"version": 1, "source": "somewhere", "by": "admin"}');
INSERT INTO events VALUES(11,'3ac6a73b8d83468b916e6ac12fb5a351','model_version.ready',1795491029519,'d1cc127a4ab243549a6c0646f78ce31e','prod.sales.churn','{"version": 1, "digest": "195c641bcf54aa8ff97bdb06fc9fc4e15b736a677186d9aca7214dd02c199995", "by": "admin"}');
INSERT INTO events VALUES(12,'8c2749ce64a44951b7f4a27e45dde834','model_version.created',1795491029525,'0db94c7bcdf54ce1a4c66263e50076c9','prod.sales.churn','{"version": 2, "source": "somewhere", "by": "admin"}');
INSERT INTO events VALUES(13,'126de53988fd4f02a2489de7acc7a48b','model_version.ready',1795491029535,'de24e27e4eca4fbb969e14edb90678a0','prod.sales.churn','{"version": 2, "digest": "197fe4cf21cf9ea6071c70b68b87891b3f073ba4d2e496d5d3e9b6891c9a0493", "by": "admin"}');
INSERT INTO events VALUES(14,'1be3057a92f9479f8031674f1200cc9b','model_version.created',1795491029538,'a81f5facd8134b2ebca620446dcf9118','prod.sales.churn','{"version": 3, "source": "somewhere", "by": "admin"}');
INSERT INTO events VALUES(15,'3b940be7ed044ab6a451e56802d6dacd','alias.set',1795491029550,'7c161b93ad3146939f92c2b0faac6829','prod.sales.churn','{"alias": "Champion", "version": 1, "was": null, "by": "admin"}');
INSERT INTO events VALUES(16,'721b0ed4ed00425fa0ffba7f935692d6','alias.set',1795491029556,'62339280193b48a19645bee3d79c0f8c','prod.sales.churn','{"alias": "Old", "version": 1, "was": null, "by": "admin"}');
INSERT INTO events VALUES(17,'bef9a011ed69468f8175376fc4e8db3b','alias.set',1795491029559,'9067003098774d03b00f128ff12a924d','prod.sales.churn','{"alias": "champion", "version": 2, "was": 1, "by": "admin"}');
INSERT INTO events VALUES(18,'6aa4d0929b75454eaef9a06de6576c5b','alias.deleted',1795491029562,'1c6950a7508c43118abf95cf061f03a0','prod.sales.churn','{"alias": "old", "was": 1, "by": "admin"}');
INSERT INTO events VALUES(19,'2f2b2c848cc24941940a4f7168b9a928','tag.set',1795491029564,'8d5066bb71fe4e669bdbf8798fff7fec','prod.sales.churn','{"version": 2, "key": "Stage", "value": "live", "by": "admin"}');
INSERT INTO events VALUES(20,'ea7141edff1d49499c7dc1f6053358af','principal.created',1795491029568,'1a1dbf26803743539bb9f4177aefcf53','','{"principal": "scientists", "kind": "group", "by": "admin"}');
CREATE TABLE installation (
	id TEXT NOT NULL, 
	workspace_id BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_installation PRIMARY KEY (id)
);
INSERT INTO installation VALUES('6b25772a67804ef8b381b8756cda01ee',1338455977881362,1795491029354);
CREATE TABLE principals (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	display_name TEXT NOT NULL, 
	active INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, external_id TEXT DEFAULT '' NOT NULL, profile TEXT DEFAULT '{}' NOT NULL, entitlements TEXT DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_principals PRIMARY KEY (id), 
	CONSTRAINT uq_principals_folded UNIQUE (folded)
);
INSERT INTO principals VALUES('admins','group','admins','admins','admins',1,1795491029354,'','{"given_name":"","family_name":"","emails":[],"roles":[]}','[]');
INSERT INTO principals VALUES('account users','group','account users','account users','account users',1,1795491029354,'','{"given_name":"","family_name":"","emails":[],"roles":[]}','[]');
INSERT INTO principals VALUES('ebd5a1ce95b64968b165178a18f1d5d2','user','admin','admin','admin',1,1795491029354,'','{"given_name":"","family_name":"","emails":[],"roles":[]}','[]');
INSERT INTO principals VALUES('b4c7a8aa4e064cdcb3715b33afb7b9cc','user','ada@example.com','ada@example.com','ada@example.com',1,1795491029439,'','{"given_name":"","family_name":"","emails":[],"roles":[]}','[]');
INSERT INTO principals VALUES('3b84074400124cee85e280c6081e194c','group','scientists','scientists','scientists',1,1795491029568,'','{"given_name":"","family_name":"","emails":[],"roles":[]}','[]');
CREATE TABLE members (
	member_id TEXT NOT NULL, 
	group_id TEXT NOT NULL, 
	CONSTRAINT pk_members PRIMARY KEY (member_id, group_id), 
	CONSTRAINT fk_members_group_id FOREIGN KEY(group_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT fk_members_member_id FOREIGN KEY(member_id) REFERENCES principals (id) ON DELETE CASCADE
);
INSERT INTO members VALUES('ebd5a1ce95b64968b165178a18f1d5d2','admins');
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
INSERT INTO securables VALUES('6b25772a67804ef8b381b8756cda01ee','METASTORE',NULL,'','admins','','{}',1795491029354,'admin',1795491029354,'admin');
INSERT INTO securables VALUES('16a78cc5930a43b7bd86320ad723a3ba','CATALOG','6b25772a67804ef8b381b8756cda01ee','dev','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029404,'admin',1795491029404,'admin');
INSERT INTO securables VALUES('117e7f64eeac41e59acf6eeeac1da1ed','CATALOG','6b25772a67804ef8b381b8756cda01ee','prod','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029409,'admin',1795491029409,'admin');
INSERT INTO securables VALUES('38bff813a4354576b314c1f7701a062a','SCHEMA','16a78cc5930a43b7bd86320ad723a3ba','dev.sales','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029412,'admin',1795491029412,'admin');
INSERT INTO securables VALUES('d050b7b17cc741ecba193a54af5b5821','SCHEMA','117e7f64eeac41e59acf6eeeac1da1ed','prod.sales','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029414,'admin',1795491029414,'admin');
INSERT INTO securables VALUES('298203db44234fe7b2198f9985c11512','FUNCTION','38bff813a4354576b314c1f7701a062a','dev.sales.churn','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029496,'admin',1795491029496,'admin');
INSERT INTO securables VALUES('31e5512ac0ff45089d06244a1e66d6f7','FUNCTION','d050b7b17cc741ecba193a54af5b5821','prod.sales.churn','ebd5a1ce95b64968b165178a18f1d5d2','','{}',1795491029500,'admin',1795491029562,'admin');
CREATE TABLE tokens (
	id TEXT NOT NULL, 
	secret_hash TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	expires_at BIGINT, kind TEXT DEFAULT 'personal' NOT NULL, last_used_at BIGINT, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_tokens_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT uq_tokens_secret_hash UNIQUE (secret_hash)
);
INSERT INTO tokens VALUES('24ee16b6dd2d41f48e8e6e353af5b80d','c470bc05121e5c82fbd4cce8aee883a1e907bea16b39b050093db1b6dfc18abf','ebd5a1ce95b64968b165178a18f1d5d2','made by the first start',1795491029354,'',NULL,'personal',NULL);
INSERT INTO tokens VALUES('0b4421bf04e146358e93a73436d8909d','ee242cd7de608a8624dfee51ea196dc5615defb1286ecf2c8bdd061e961610a0','b4c7a8aa4e064cdcb3715b33afb7b9cc','',1795491029444,'admin',NULL,'personal',NULL);
CREATE TABLE grants (
	securable_id TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	privilege TEXT NOT NULL, 
	CONSTRAINT pk_grants PRIMARY KEY (securable_id, principal_id, privilege), 
	CONSTRAINT fk_grants_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT fk_grants_securable_id FOREIGN KEY(securable_id) REFERENCES securables (id) ON DELETE CASCADE
);
INSERT INTO grants VALUES('117e7f64eeac41e59acf6eeeac1da1ed','b4c7a8aa4e064cdcb3715b33afb7b9cc','EXECUTE');
INSERT INTO grants VALUES('117e7f64eeac41e59acf6eeeac1da1ed','b4c7a8aa4e064cdcb3715b33afb7b9cc','USE_CATALOG');
INSERT INTO grants VALUES('117e7f64eeac41e59acf6eeeac1da1ed','b4c7a8aa4e064cdcb3715b33afb7b9cc','USE_SCHEMA');
CREATE TABLE models (
	id TEXT NOT NULL, 
	last_version BIGINT NOT NULL, 
	deployment_job_id TEXT NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (id), 
	CONSTRAINT fk_models_id FOREIGN KEY(id) REFERENCES securables (id) ON DELETE CASCADE
);
INSERT INTO models VALUES('298203db44234fe7b2198f9985c11512',0,'');
INSERT INTO models VALUES('31e5512ac0ff45089d06244a1e66d6f7',3,'');
CREATE TABLE securable_tags (
	owner_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_securable_tags PRIMARY KEY (owner_id, "key"), 
	CONSTRAINT fk_securable_tags_owner_id FOREIGN KEY(owner_id) REFERENCES securables (id) ON DELETE CASCADE
);
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
INSERT INTO versions VALUES('53cb25f6e2f44a7192c2a5bb7fe62fe1','31e5512ac0ff45089d06244a1e66d6f7',1,'READY','','somewhere','','','','m-00000000000000000000000000000001','[]','ebd5a1ce95b64968b165178a18f1d5d2',1795491029503,'admin',1795491029519,'admin','195c641bcf54aa8ff97bdb06fc9fc4e15b736a677186d9aca7214dd02c199995');
INSERT INTO versions VALUES('89d238b14df44945a98dae81b5531755','31e5512ac0ff45089d06244a1e66d6f7',2,'READY','','somewhere','','','','m-00000000000000000000000000000002','[]','ebd5a1ce95b64968b165178a18f1d5d2',1795491029525,'admin',1795491029564,'admin','197fe4cf21cf9ea6071c70b68b87891b3f073ba4d2e496d5d3e9b6891c9a0493');
INSERT INTO versions VALUES('c699532608554dc9964529d00238f3b8','31e5512ac0ff45089d06244a1e66d6f7',3,'PENDING_REGISTRATION','','somewhere','','','','','[]','ebd5a1ce95b64968b165178a18f1d5d2',1795491029538,'admin',1795491029538,'admin','');
CREATE TABLE aliases (
	model_id TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version_id TEXT NOT NULL, 
	CONSTRAINT pk_aliases PRIMARY KEY (model_id, folded), 
	CONSTRAINT fk_aliases_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE CASCADE, 
	CONSTRAINT fk_aliases_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE
);
INSERT INTO aliases VALUES('31e5512ac0ff45089d06244a1e66d6f7','champion','champion','89d238b14df44945a98dae81b5531755');
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
INSERT INTO entries VALUES('53cb25f6e2f44a7192c2a5bb7fe62fe1','MLmodel','',0,45,'2000e52c4ae79fcd053f052c3e50632ac21e9400e6d9634055790cbf3da949fc',1795491029511);
INSERT INTO entries VALUES('53cb25f6e2f44a7192c2a5bb7fe62fe1','data','',1,0,'',1795491029516);
INSERT INTO entries VALUES('53cb25f6e2f44a7192c2a5bb7fe62fe1','data/weights.bin','data',0,25,'294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511',1795491029516);
INSERT INTO entries VALUES('89d238b14df44945a98dae81b5531755','MLmodel','',0,45,'1ca53c792658279dd1dabe3d25435dda49f641ef566193f1ac9be82aee22036f',1795491029529);
INSERT INTO entries VALUES('89d238b14df44945a98dae81b5531755','data','',1,0,'',1795491029533);
INSERT INTO entries VALUES('89d238b14df44945a98dae81b5531755','data/weights.bin','data',0,25,'294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511',1795491029533);
INSERT INTO entries VALUES('c699532608554dc9964529d00238f3b8','MLmodel','',0,45,'da33d61012de0518ddaeb8d99c2f1ceb334d1d6d315ec5ce6576158c3a5b1bc9',1795491029543);
INSERT INTO entries VALUES('c699532608554dc9964529d00238f3b8','data','',1,0,'',1795491029547);
INSERT INTO entries VALUES('c699532608554dc9964529d00238f3b8','data/weights.bin','data',0,25,'294c605c39c0bcb6cf4b11a2deac77522d11704f4e6513fdf30caaa85d61c511',1795491029547);
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
INSERT INTO version_tags VALUES('89d238b14df44945a98dae81b5531755','Stage','live');
CREATE TABLE logins (
	state TEXT NOT NULL, 
	nonce TEXT NOT NULL, 
	verifier TEXT NOT NULL, 
	return_to TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_logins PRIMARY KEY (state)
);
CREATE TABLE identities (
	issuer TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	CONSTRAINT pk_identities PRIMARY KEY (issuer, subject), 
	CONSTRAINT fk_identities_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE
);
CREATE TABLE service_secrets (
	id TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	secret_hash TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	expires_at BIGINT, 
	last_used_at BIGINT, 
	CONSTRAINT pk_service_secrets PRIMARY KEY (id), 
	CONSTRAINT fk_service_secrets_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT uq_service_secrets_secret_hash UNIQUE (secret_hash)
);
CREATE TABLE prompts (
	id TEXT NOT NULL, 
	last_version BIGINT NOT NULL, 
	CONSTRAINT pk_prompts PRIMARY KEY (id), 
	CONSTRAINT fk_prompts_id FOREIGN KEY(id) REFERENCES securables (id) ON DELETE CASCADE
);
CREATE TABLE prompt_versions (
	id TEXT NOT NULL, 
	prompt_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	template TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by TEXT NOT NULL, 
	CONSTRAINT pk_prompt_versions PRIMARY KEY (id), 
	CONSTRAINT fk_prompt_versions_prompt_id FOREIGN KEY(prompt_id) REFERENCES prompts (id) ON DELETE CASCADE, 
	CONSTRAINT uq_prompt_versions_prompt_id_number UNIQUE (prompt_id, number)
);
CREATE TABLE prompt_aliases (
	prompt_id TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version_id TEXT NOT NULL, 
	CONSTRAINT pk_prompt_aliases PRIMARY KEY (prompt_id, folded), 
	CONSTRAINT fk_prompt_aliases_prompt_id FOREIGN KEY(prompt_id) REFERENCES prompts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_prompt_aliases_version_id FOREIGN KEY(version_id) REFERENCES prompt_versions (id) ON DELETE CASCADE
);
CREATE TABLE prompt_links (
	version_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	target TEXT NOT NULL, 
	CONSTRAINT pk_prompt_links PRIMARY KEY (version_id, kind, target), 
	CONSTRAINT fk_prompt_links_version_id FOREIGN KEY(version_id) REFERENCES prompt_versions (id) ON DELETE CASCADE
);
CREATE TABLE prompt_version_tags (
	owner_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_prompt_version_tags PRIMARY KEY (owner_id, "key"), 
	CONSTRAINT fk_prompt_version_tags_owner_id FOREIGN KEY(owner_id) REFERENCES prompt_versions (id) ON DELETE CASCADE
);
CREATE TABLE protected_aliases (
	schema_id TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT pk_protected_aliases PRIMARY KEY (schema_id, pattern), 
	CONSTRAINT fk_protected_aliases_schema_id FOREIGN KEY(schema_id) REFERENCES securables (id) ON DELETE CASCADE
);
CREATE TABLE alias_movers (
	schema_id TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	CONSTRAINT pk_alias_movers PRIMARY KEY (schema_id, pattern, principal_id), 
	CONSTRAINT fk_alias_movers_principal_id FOREIGN KEY(principal_id) REFERENCES principals (id) ON DELETE CASCADE, 
	CONSTRAINT fk_alias_movers_schema_id_pattern FOREIGN KEY(schema_id, pattern) REFERENCES protected_aliases (schema_id, pattern) ON DELETE CASCADE
);
CREATE TABLE seals (
	number BIGINT NOT NULL, 
	sealed_at BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	CONSTRAINT pk_seals PRIMARY KEY (number)
);
CREATE TABLE lineage (
	seq INTEGER NOT NULL, 
	version_id TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	other_id TEXT DEFAULT '' NOT NULL, 
	details TEXT NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	times BIGINT NOT NULL, 
	noted_by TEXT NOT NULL, 
	CONSTRAINT pk_lineage PRIMARY KEY (seq), 
	CONSTRAINT fk_lineage_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE, 
	CONSTRAINT uq_lineage_version_id_direction_kind_name UNIQUE (version_id, direction, kind, name)
);
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
CREATE INDEX ix_identities_principal_id ON identities (principal_id);
CREATE INDEX ix_service_secrets_principal_id ON service_secrets (principal_id);
CREATE INDEX ix_prompt_aliases_version_id ON prompt_aliases (version_id);
CREATE INDEX ix_alias_movers_principal_id ON alias_movers (principal_id);
CREATE INDEX ix_alias_moves_model_id_folded_seq ON alias_moves (model_id, folded, seq);
CREATE INDEX ix_audit_action_name_seq ON audit (action_name, seq);
CREATE INDEX ix_audit_principal_seq ON audit (principal, seq);
CREATE INDEX ix_audit_seal ON audit (seal);
CREATE INDEX ix_audit_securable_seq ON audit (securable, seq);
CREATE INDEX ix_audit_unsealed ON audit (seq) WHERE seal IS NULL;
CREATE INDEX ix_lineage_other_id ON lineage (other_id);
COMMIT;
