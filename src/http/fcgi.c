#include "base.h"
#include "http/fcgi.h"
