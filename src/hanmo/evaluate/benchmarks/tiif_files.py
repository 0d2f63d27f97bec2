"""The files of TIIF-Bench: 39 attributes, each with prompts and with questions, in two sizes.

They are fetched, never shipped: the authors' repository has no licence. A file is a list of JSON objects, one a line;
line n of the questions belongs to line n of the prompts.
"""

from __future__ import annotations

from urllib.parse import quote

from hanmo.evaluate.benchmark import DataFile

COMMIT = "3aae7504d2546516eaec2fea82fde9ae445dfea3"
_HOME = f"https://raw.githubusercontent.com/A113N-W3I/TIIF-Bench/{COMMIT}/data"
_LICENCE = "A113N-W3I/TIIF-Bench states no licence: use it for evaluation, do not pass it on"


def prompts_of(folder: str, attribute: str) -> DataFile:
    """The prompts of an attribute; `folder` is "test" or "testmini"."""
    return _file(f"{folder}_prompts", attribute)


def questions_of(folder: str, attribute: str) -> DataFile:
    """The questions of an attribute, in the order of its prompts."""
    return _file(f"{folder}_eval_prompts", attribute)


def _file(folder: str, attribute: str) -> DataFile:
    ending = folder.partition("_")[2]
    path = f"{folder}/{attribute}_{ending}.jsonl"
    return DataFile(f"tiif/{path}", f"{_HOME}/{quote(path)}", _SHA256[folder][attribute], _LICENCE)


_SHA256 = {
    "test_prompts": {
        "2d_spatial_relation": "a8bd4873e96d806382b5176811f0a5138baeb57cb5900bd7e725d32062bfd20f",
        "3d_spatial_relation": "bf8a333c914f898340a37ee191a416e82b1199ef67a23ebe16b98c1dfeed400f",
        "action+2d": "cd46807ad20d7750aea027f440bac4881a352425dfd09d5a9aefb2d71eab9420",
        "action+3d": "210577f682d6e44f8f43bb09bc3f61989ab48a66ceab85f97ab650ed3a7fe1c6",
        "action+color": "f330cbf684610e36f05168ff1d3e0ab450b47fe5cdb8c03c0d45e6f0069928e9",
        "action+texture": "9d4e2ec2d555ebb04130e223d59041d0e86697c5fa285c3a8c2e962f5f389af0",
        "color+2d": "0cd7a91475ba32097352ded3c366e66dc779ef73f4992223cc31d238d98b0bad",
        "color+3d": "5060991c6bb736c8add42c53e7558c3a660a5a4f7e0508e2dd6e7d32990f9ad5",
        "color+texture": "da3c022e4d514c153d1d22262e360b6ed930aa7f7709a14baa1ac08ba0ef6ba8",
        "comparison+2d": "f066a287067feecbb8610fd68bd7067d0c31c37b7b5be3022d9f371024fd322c",
        "comparison+3d": "61e41123fda95d69d51ce778464641d7950cf7621837513c41fb6c20019183f1",
        "comparison+color": "4e59629210193a978d0792a6e2b73db1d789adbcfbfefdd6800595273e312891",
        "comparison+texture": "a7fc5575be9af994001c996ac6e8c08965f0271405771731f62bd5c4e0fb2b48",
        "comparison": "3abb8eb249c82a1cd2a4af86eff08c5ff3bfdb4a6cff9813742c9d7b7859d047",
        "differentiation+2d": "1f36b64e0297b81f3608aba1440ab0bfcd02f11a4436e24c18fe0449534719cb",
        "differentiation+3d": "7f862f5084dd1f42d5fcc8541bbcdb0b05c01a79a4a39c3c9067d1cfedc756bc",
        "differentiation+color": "7e6f25d7b6037eba03c5248fd354525ee6ae06a34943ee03cf721b650d180a16",
        "differentiation+texture": "d25ab7fbf274029d8880e1ad0098519237b33e1c03e9a855e396694fb9e71f6f",
        "differentiation": "9dadbf639c4536ca122f97b7fc4f6b05146f28f2951dfe832784936cc6c5ee1d",
        "negation+2d": "efc146904a8addc4418057e0ac99fca3247a61b36da509fbbe1e94f5378072a7",
        "negation+3d": "9e339d278fe571393c462f746d04521cf2c04bb6c0a4c00d6343ae7615111abc",
        "negation+color": "c1901823bf31356d8126272152daf5d2c4cf41822d80310270f1da59bb1d3b6d",
        "negation+texture": "43227f121134527fe1831b452b14d58c4b9fb48f5f76d7bf110d39e95affe4ec",
        "negation": "9e273214f0a0b1b76bbb783951f7518ba91ef383e39c05bfb7cd5ad7475d4418",
        "numeracy+2d": "ff0d416b365b0e5291424e5580ebf1f7e6310594b762b6d7d8ee9ed54ae85f59",
        "numeracy+3d": "eb2a3f425fe6b57fc80d626ed696551b0623fbc95ce351c7871212fb6d9f3cb5",
        "numeracy+color": "45270856f7bd6d3decf98e438a163634ea137d00b1bf3f208d5a139c69186e10",
        "numeracy+texture": "4e07804280b810123e4a71571be986a6d45a23b4b559e0f77d2593bf6cb50cb8",
        "numeracy": "edf69037e3d982bebf160cc6468f47be07cdff6465c88f8241d3f79f19d28f8c",
        "real_world": "fc5cbbab650cef93f3ddbe630d697536b3ccc7af01554c86d60b97e3958f3fe7",
        "shape+2d": "783f5af065cdd10cbc37284f800f26541899569db38ecdbd96315123b62e91d8",
        "shape+3d": "4e48c0e97b8bc1bdbdad34f9c24ae9e7f4756886540705d9d791829013e37ec6",
        "shape+color": "53ecd89dfcac61ba96b950ee19ec39f67da7349ab0eb660bc23d25a9a405eaad",
        "shape+texture": "a98754a2d77c821ddddbc3696a3b530b0c8de73afcb4bf08a3003d5e379c8e51",
        "style": "b007de0911af3a7f159edb8fc9351e6a554793c22532f7d3b03deabbd3320124",
        "text": "7cb444bb39ecc5aa8a323b85349992c53431770b9bfa934119ff7150e9566c25",
        "texture+2d": "7e2725ad0cbfc0994327a5c37dc7317eaafe4512fd77b32d89fafc2a72e0c891",
        "texture+3d": "f0a009979a75c04626e5512440a5824b3d3937bbaf2af810801c752c7fabc875",
        "texture+color": "13e8496c76dab6736181ddfcf387d49e704cad612b0e13e623d352ed2e1e7d40",
    },
    "test_eval_prompts": {
        "2d_spatial_relation": "76ec5ed215d30e60e57534ad00a1035b57de665391998b2d02d13e5addb55274",
        "3d_spatial_relation": "a6fc214d34ebc504aff41b8b45e01f04c8d89663c06331e294e5eb8b5d0d7900",
        "action+2d": "5a06dca8e6f82ff3af5b3cefcde0568a804f8c2dc090b47178b411ad21da75d3",
        "action+3d": "99a6861f7da60c66ef933f87a63ebe9da47c7aedcf054ad513a8925db6a20b87",
        "action+color": "2ceba87ddaf4a8d61d11d91d30ec204357dede74ff8dc47671a0f966ac36c559",
        "action+texture": "a479cd85093a1ae0120fe71d462011c06d4e89fb027e7ac66f76ca4e2c6d4b49",
        "color+2d": "3f8d7f458c259e39eb8baf3370e5ea916ef3eaafe6490d00a095bd335bbfb77a",
        "color+3d": "64501c7dda31a2ce5a570502c1cd5779ae569d81c88c02277abc319be9ed7bc8",
        "color+texture": "9fbfa91df2d093658d21f37e80131f7b31f8b19a3da8db6b3c12e5cb20b04725",
        "comparison+2d": "aed761003c8fafb1b0dfab3fe53bdce7bcda0197bd075f075cb4e406f13ef691",
        "comparison+3d": "443d4f062b8b980a95746a5331a4c4b64206a9977ecc2def287d63ca69b43b81",
        "comparison+color": "d0eb172c0a905972bd0c2337885e934660d4fe9d783f6c252e78acf53417760c",
        "comparison+texture": "67e4d7957499712aae264b877728927212fc02a93e8ee2ffba0c9a7f6490cb78",
        "comparison": "0e1459a257a9f1b91fda7fcd1c43d5bebfb812dc74100b99206398ddd8b5e7dd",
        "differentiation+2d": "592c55a9b6ce098b5606119d52e90ae3460ffe6f7bdd9dc0980024a77292eb5f",
        "differentiation+3d": "2fdb29fb1a11d25266cd661c67eae5742f6e361340488f839d18a287fcba85c4",
        "differentiation+color": "19bf6479dbc84e2a3e5ede56dfd54474103555184c4ce8332aaf4cd374b66bac",
        "differentiation+texture": "5abfbe94c70a553a278c0980efda5ef72bfdcee7fd97099af0e387a7fb39ba92",
        "differentiation": "83ba6613440b71eb3e00ad0855c519051fdb2bd6dee313761434fa8af34d90e4",
        "negation+2d": "80c5e91f8fc50c51e0130e71e8d4fe7a86da60fc9c339abe8aa12b38a10fffa5",
        "negation+3d": "603a9bd41fbee5e76ff541d6ad944b77c3e12320d728e4bc0e6282d8d112fb3d",
        "negation+color": "9c668e737569aa63cd8787cae9dd963bcd0edd94adad23872d2dfcfbae5f5d9e",
        "negation+texture": "21837aa04c995cc4cd41dd4b56b16c9dcb8a009f48a80d8179116a0be3826af1",
        "negation": "13abc67edf65b2ddb38a8adef75c9b9275f58bab16de0be8901562498033ca8e",
        "numeracy+2d": "f8f7201dd927beb1bb656622d6352a9524695ad7b04f23371e629a26b6845e74",
        "numeracy+3d": "80b7b4b352919e85c2fe0cfde02ab4c22a02991035ab8f8070cb13680db75d28",
        "numeracy+color": "392e009d16cde690ac7af4b56710444015d619e0cea97980d9d9ac4e907b7983",
        "numeracy+texture": "f8bc31f433dbd022f3dc5fd1840e67b6ab4888d4262a748be3519e82649bf5aa",
        "numeracy": "6e4b7afc032ce27ea4a441764f1a1a53a30616eff25d36ba8aaaa6c6a795f238",
        "real_world": "7f5266976e98649ff9439755821abba90fe6406c2c7d69da8ac7375b98cff9e1",
        "shape+2d": "e9adcb31d5523f879ecb1fec6f6bf61d312819bcef46e18ff7dcdc0f0c858d06",
        "shape+3d": "ce6e128b691bd25f30eff5854d0adbe2f7616a81665d88b90b522df6548fdd2c",
        "shape+color": "dc09cf16aa5834525cd73d70d6f55ecccfb926f02fb1efbca1f3559bad74c794",
        "shape+texture": "0e625b015425171db10ca0521e51f13acc7c2325ca3b338fb51cd76f2e94cf3a",
        "style": "7de4dc9b458a9efe220be8939640433d6a8a0721607166153ecbc2e5b212f65c",
        "text": "08fc766b72fe4c24c26796a2c9117c4410862ef21c45ef3c47de8feb1da2df88",
        "texture+2d": "9c67af1fe204e24d135c9e0556bed032486bdb38ef6aea3c6dfa8fb068c9e46e",
        "texture+3d": "77c828e244ff98773a54f6241e4bb5301f9a80e30dddb259548ef62e698c24f5",
        "texture+color": "3cecfc68d19357922e1287f82af47b1cd0a0cc892a03be9d2d31c5c9187dc395",
    },
    "testmini_prompts": {
        "2d_spatial_relation": "914c82adfd4e58b020b95b3679117d45bfb36c2f74f0a7e18fb9ed7a526d3a20",
        "3d_spatial_relation": "36406c27ebb59d48a1aaff9d4261c1eb333820b16dcca29f8133b6541843423c",
        "action+2d": "134d9c5028fe1ee55461363d72e217c14e9baffb97fbf533c5c03d45c38aa64f",
        "action+3d": "9936a540139610b86c81fd5a3658bb66109dbc6a49f07ee536f589d0aed64393",
        "action+color": "25686b24199e3bb9e950edc89a50a0bd4f9eeaa848f39fd2a2e51d8bb31e3779",
        "action+texture": "87e294b48fc21d63aad4d198eb972c5b58e87bb29e4b60aa2f9951bd32274620",
        "color+2d": "f44a7f5a3c142d402e03a63a5885395744d88adf327f6c2cb0dacb60e73a7b42",
        "color+3d": "e9f486c7b269a71a3585cd6bf6d6193eff16047794722648e0edf83f95a4c472",
        "color+texture": "2cb5ebb12b51f73cdf2fb153fadf7b169b175fe2471876bdaaafb4e233bf2ee4",
        "comparison+2d": "de9c614771eac15e746e683966f2bc3b5f56101ad1fd78ca45bf1ab138e437e4",
        "comparison+3d": "0331184ca9db57e68959733097fbb946d20ce8bdcbfab3c49aff7615303f0308",
        "comparison+color": "b4632f2e726551a60a403d0dafd87e67dba5b829d89ff32d7452d31db913a576",
        "comparison+texture": "325fa0b01b7e9604d4ba3dc91ecccff3b4c6fe5f7fcca1599741e87369d2e8e8",
        "comparison": "94c20e599993264002e101df81b823b5111dd90fd4b031a08e18487f9bfefeb8",
        "differentiation+2d": "44e6083b5ca7f6336e53c98c755610fb7063e2b7f6437f2776f5ac53ca787ac3",
        "differentiation+3d": "d14967f1b4d4e8055711bcfc1b373f90bdd3411f5c286add365f0a57727e754f",
        "differentiation+color": "59312a34f08799ffa0735229428513009e095dca6cf034e18a77c8594ae3f9e5",
        "differentiation+texture": "5a98e7345d4fe2c19bd9bbdf6b287f43542aa7dca859d31818665f79e5e3df40",
        "differentiation": "f37685826d24f168fac10e82ac1c0c9055cdc27e391cb8f5af322581563cc9d3",
        "negation+2d": "bb47a6e48c2f4c866b178bbe93b62b3218e74fbe3ac2f398ad504d67922716dd",
        "negation+3d": "c2b3528a1d2f3d21646c5cc83c2c53fcadd74ec8dd97cf0e5003cc401e946942",
        "negation+color": "63ee6590bfa79a3fd7b280f799234080fa71cab6daf6d81cd624e37be026dacf",
        "negation+texture": "4a95307274f97e362b0cf13fdf4b4c95f924aa98604cd689d321f8cad4d2f3a0",
        "negation": "bde68e2e278138538a13951f06aa6e0dad2530081233d96937ddcf5f98f19a75",
        "numeracy+2d": "559afde5bc2e47717c2e274099402ad7eebb9b5d3ece4e19d1bc82fa041f1600",
        "numeracy+3d": "38d0eb9563e714743ee36a9079483667e367a82a2f5b2a5b967ef2690f2c6d4d",
        "numeracy+color": "1999f495b6f808db0e43f15fb6c01cb4f2228ef7647be2bddd76245bbfae91a2",
        "numeracy+texture": "c18908845b9f778c20d46482a1c5f630300f763c930322275769ffd31ef45797",
        "numeracy": "49676632550f9d217ae5596bd2616c63aea15ed2dcd5cbedc46a221c200d183e",
        "real_world": "b5e450f7bf67bcd81894ade8ce7a989fa4654771f08e24f469686533bddfb02f",
        "shape+2d": "52d85267d60cf2abb1dadfffb920a00da6e82a1bf16e75997eb20d743c283a0b",
        "shape+3d": "61d1309db12c8e4f93a988689a050eb948fa24d008f5f96f0158f47fc81a84eb",
        "shape+color": "44e8c5201718d1ebf7ca3ff4e5d5c09d962a80bf7f8e5e7105bc0f37ecd35be9",
        "shape+texture": "0c4e3e2279db7dad94569f1e45016f8394c5e7a8f353914e9602ef9123471b96",
        "style": "88bb7685f761ceedb17e25cf8dd5d3e5a2e168967aa76d4d0022691e2306b2f1",
        "text": "6b83ca9879653faacfbc4f456aacc9222b603d35745ffbefeaf942a0a3a396d8",
        "texture+2d": "7be8f543bad7f6097ed9c79494a778fb6e37d2c647b09a4e9d03446e58156ab7",
        "texture+3d": "abf02d1a3e5ba1ded6c5ed6d8025dac2f786892f042667068283c9c43c26b50d",
        "texture+color": "a323aa399fa2a0752e983948a2529aeb142f26a5c00a507e766297c003a6ce22",
    },
    "testmini_eval_prompts": {
        "2d_spatial_relation": "e0c6404819b5494ca46ec88489a03aaedc0c711246ddf18deff6d497e49c999a",
        "3d_spatial_relation": "33622e15b67613e7f970f2ca2db62f27d5d6c4954dc2d2e55e591204b059bc0c",
        "action+2d": "57a9f01ed58e2ccaa3bcb27bf4b3f51732040e70df6d0572f291d867f0e844cd",
        "action+3d": "74be1859b88fc9ba5fd4e6b36699d771ffe174f4d37624d30903dd4ace956478",
        "action+color": "39e8e4384b2297bcc8714dd5c7303b3edd466cfb5fa4850500e3a4698b9ca47f",
        "action+texture": "a22433c844663bac26bb19b4b00dec36dee041062a0c267d7cab2487f8f386bc",
        "color+2d": "f10e9f5ca357e54770930b57591b5ed6b8df870f6df1db1abd708734cb2f14cc",
        "color+3d": "ceab723cc0eb7703ece67d6b8d925eb4a30071a47640664206d49e62b86cb1a6",
        "color+texture": "a9ad0cb5e77e6243ab4b67ea6339eb8c9eb343163639164903b13f83f4984aa8",
        "comparison+2d": "bcb8a3c0c8678fbe9f6cc5b1f50527f528df10ff5ec50658e4bc79704c043b93",
        "comparison+3d": "05e97e5c3f62ecee085a94d79eef69208c7c71bbfd135b871fbc559edfd6eda4",
        "comparison+color": "1ca1a1798ed159bfa60fa1ce26bb3b78960397e35c4f3446e04ada1f6cef2198",
        "comparison+texture": "31e4ba433e2935c6f0344b375f92275ffad41619bcca6c6d00bbc42bf09eb441",
        "comparison": "0f625968cb33f824cadf302f9d23587d7aed9e21bec88826848918e3d3696484",
        "differentiation+2d": "c4a9a77310675761cb0b1053bc591e4274eb720692d89b51594f9a734d153d39",
        "differentiation+3d": "bcad608e127fa72aee15ad3580eb8caf89b0be2ff5c818ff0801f9388e5fdf3e",
        "differentiation+color": "c40951202d5182c7367d12729f2a32dc58238a65875c981c6296ab7049dd2ba6",
        "differentiation+texture": "c9de8fbaacff5753a77ed59233f6d9718ef95ae2da51d0876cb56f29def9c1f2",
        "differentiation": "1c11a35fa25be16f57f3025a85eb5e3877848ceea0b72fec40abd8e20313e435",
        "negation+2d": "e30606ce5199d5676da32c2629a958bef6aae7798a9c027ac572acc78078dbdc",
        "negation+3d": "42d84a4ea407a2c062f6c101fe6903561e7ae13e39a77eb7ef6770683f2075d4",
        "negation+color": "89c1fa90498b5a18d3db5efde72932ad3c45ba268bb4eac57aee12484ef8fba6",
        "negation+texture": "49d71c35e46adccb5dedfb6830b5eade507f7ae119a92b44514f5410b4838df3",
        "negation": "0fd93f66f6314118ba79bafebc216fc1f1e5fcaebe33b320257b69179ae49086",
        "numeracy+2d": "f62bda7317ccf20fe5ee0a94c3f1a88c1e039d996b6d9ce4f01df34bc04d98c6",
        "numeracy+3d": "15637a019e41a1ab679b14865e0818dde53fc2d6e53bb36a37147a37a256c54e",
        "numeracy+color": "dec5f51bb334632b32e9747bd5df887e22b1a006d197904bbfdb70e773a9bce9",
        "numeracy+texture": "6dffbc9f3305829c5db770cefe61e31642361e8d84a4ee6d89c2cff2f1bb6c73",
        "numeracy": "3434717d44bb27340553312d4e8289d57b842a8ff15cd2f2b7eea66dae0068b9",
        "real_world": "575d2b0495285878e63e8198d15f8a50ef084aba38d5cdb21fecb023a9a738d3",
        "shape+2d": "abbaa2baaa992519c508de0ad24424f95f0598fc37d4295cf9f4fe1f72415b2f",
        "shape+3d": "da6d6bfd9754d503cd5ec582b84e227898ca3181de660f3d34c51919714e88c6",
        "shape+color": "1fcb2738b82b4afc36f36928a2508c1d6515dbd79fdca6c5a9b720eaebbc44df",
        "shape+texture": "d01bb4b10b86db4d8bb73c799cdfad040b4262064ade7b51b5922d0a6d2486b5",
        "style": "5998a5329f3df408aaea3a5f631b016c36f21ff060555e6fda747886a1c965f0",
        "text": "1cd4e38e59f5a960dbab36e86774803e166b9171519c6e7cf16ac30f276887ae",
        "texture+2d": "88ad12c4733c96e5b36638accefcaca2bc235698c02b3c54d3cc9db647f566ff",
        "texture+3d": "5e98f3f0263d374d6f9f12352b1ff590b107453f0856183fefd97437db0e83f9",
        "texture+color": "5e9804c7cd980ad79d7ede8206884b2b04afd7da670415c7a9d10ee867a8075b",
    },
}
