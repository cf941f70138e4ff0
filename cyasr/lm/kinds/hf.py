from cyasr.lm.conf import LmConf as Conf
