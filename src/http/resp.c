#include "base.h"
#include "http/req.h"
